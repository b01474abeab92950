# Precompiled headers: parsing Qt and the standard library is most of a full build. Only the dev
# preset uses them, so that the other builds find a file that lacks one of its own includes.
option(VIVARIUM_PRECOMPILED_HEADERS "Share precompiled headers between targets" OFF)

set(vivarium_headers_std
  <algorithm> <array> <atomic> <bit> <cerrno> <condition_variable> <cstdint> <cstring> <functional>
  <map> <memory> <mutex> <optional> <span> <string> <string_view> <thread> <utility> <variant>
  <vector> "\"vmm/base/result.h\"")
set(vivarium_headers_core
  ${vivarium_headers_std} <QCoreApplication> <QDateTime> <QDir> <QFile> <QFileInfo> <QFuture>
  <QFutureWatcher> <QHash> <QJsonArray> <QJsonDocument> <QJsonObject> <QList> <QMap> <QObject>
  <QPromise> <QSet> <QString> <QStringList> <QThreadPool> <QTimer> <QUuid> <nlohmann/json.hpp>)
set(vivarium_headers_ui ${vivarium_headers_core} <QtWidgets>)

# vivarium_precompile(TARGET LAYER): TARGET starts from the headers of "std" (no Qt), "core" or "ui"
# (Qt Widgets). The first target of a layer makes them. A file with flags of its own has to skip them
# (SKIP_PRECOMPILE_HEADERS).
function(vivarium_precompile name layer)
  if(NOT VIVARIUM_PRECOMPILED_HEADERS)
    return()
  endif()
  set(provider vivarium_precompiled_${layer})
  if(NOT TARGET ${provider})
    add_library(${provider} OBJECT ${CMAKE_SOURCE_DIR}/cmake/precompiled/empty.cpp)
    set_target_properties(${provider} PROPERTIES AUTOMOC OFF)
    target_link_libraries(${provider} PRIVATE vivarium_flags)
    if(layer STREQUAL "core")
      target_link_libraries(${provider} PRIVATE Qt6::Core)
    elseif(layer STREQUAL "ui")
      target_link_libraries(${provider} PRIVATE Qt6::Widgets)
    endif()
    target_precompile_headers(${provider} PRIVATE ${vivarium_headers_${layer}})
  endif()
  target_precompile_headers(${name} REUSE_FROM ${provider})
endfunction()

# Out of a precompiled header, GCC 12 no longer knows which code is the standard library's, and
# reports in it what it otherwise knows to keep to itself (GCC bug 105651).
if(VIVARIUM_PRECOMPILED_HEADERS)
  set(vivarium_precompiled_flags $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>)
endif()
