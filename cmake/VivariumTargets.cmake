# Helpers that every folder's CMakeLists.txt uses, so that flags and tests are declared one way.

add_library(vivarium_flags INTERFACE)
target_compile_options(vivarium_flags INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wformat=2
  -Wimplicit-fallthrough -Wnull-dereference -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  -fstack-protector-strong ${vivarium_precompiled_flags})
# GCC 12 at -O2 reports null dereferences and restrict overlaps inside libstdc++ that cannot happen
# (GCC bugs 105329, 105580), and at -O3 members of empty optionals and results as used, and vectors
# that grow as overflowing.
target_compile_options(vivarium_flags INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-null-dereference -Wno-restrict>
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-maybe-uninitialized -Wno-stringop-overflow>)
target_compile_definitions(vivarium_flags INTERFACE
  _GNU_SOURCE VIVARIUM_VERSION="${PROJECT_VERSION}"
  QT_NO_CAST_FROM_ASCII QT_NO_CAST_TO_ASCII QT_NO_FOREACH QT_NO_KEYWORDS
  $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
target_include_directories(vivarium_flags INTERFACE ${CMAKE_SOURCE_DIR})

# vivarium_library(NAME SOURCES ... LIBS ...): a static library; headers are included from the
# project's root ("vmm/base/result.h").
function(vivarium_library name)
  cmake_parse_arguments(ARG "QT" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC vivarium_flags ${ARG_LIBS})
  if(ARG_QT)
    set_target_properties(${name} PROPERTIES AUTOMOC ON)
  endif()
  vivarium_precompile(${name} ${VIVARIUM_LAYER})
endfunction()

# vivarium_test(NAME SOURCES a_test.cpp ... LIBS ...): one program for a folder's tests. Each test
# class is registered with VIVARIUM_TEST(Class) (tests/support/test_main.h) and becomes one ctest
# entry, "NAME.Class". LABELS: "fast" (default), "guest", "gui".
function(vivarium_test name)
  if(NOT VIVARIUM_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/support/test_main.cpp)
  set_target_properties(${name} PROPERTIES AUTOMOC ON
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE vivarium_flags Qt6::Test ${ARG_LIBS})
  target_compile_definitions(${name} PRIVATE VIVARIUM_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  vivarium_precompile(${name} ${VIVARIUM_TEST_LAYER})
  if(NOT ARG_LABELS)
    set(ARG_LABELS fast)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set(found FALSE)
  foreach(source ${ARG_SOURCES})
    file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/${source} registrations REGEX "^VIVARIUM_TEST\\(")
    foreach(registration ${registrations})
      string(REGEX REPLACE "^VIVARIUM_TEST\\(([A-Za-z0-9_]+)\\).*" "\\1" class ${registration})
      add_test(NAME ${name}.${class} COMMAND ${name} ${class})
      set_tests_properties(${name}.${class} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
        ENVIRONMENT "QT_QPA_PLATFORM=offscreen;VIVARIUM_BIN_DIR=${CMAKE_BINARY_DIR}/bin")
      set(found TRUE)
    endforeach()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  endforeach()
  if(NOT found)
    message(FATAL_ERROR "${name}: no tests found (register classes with VIVARIUM_TEST)")
  endif()
endfunction()

# vivarium_fuzzer(NAME SOURCES x_fuzz.cpp LIBS ...): a libFuzzer target, built by the fuzz preset.
# Everywhere else the inputs in tests/fuzz_corpus/NAME, where there are some, run through the same
# code once: ctest entry "NAME.Corpus".
function(vivarium_fuzzer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz_corpus/${name})
  if(VIVARIUM_BUILD_FUZZERS)
    add_executable(${name} ${ARG_SOURCES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    target_link_libraries(${name} PRIVATE vivarium_flags ${ARG_LIBS} -fsanitize=fuzzer)
  elseif(VIVARIUM_BUILD_TESTS AND EXISTS ${corpus})
    add_executable(${name}_replay ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/support/fuzz_replay.cpp)
    set_target_properties(${name}_replay PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_link_libraries(${name}_replay PRIVATE vivarium_flags ${ARG_LIBS})
    add_test(NAME ${name}.Corpus COMMAND ${name}_replay ${corpus})
    set_tests_properties(${name}.Corpus PROPERTIES TIMEOUT 120 LABELS fast)
  endif()
endfunction()
