// Defaults for a worker that is built with a sanitizer; *SAN_OPTIONS in the environment win. In
// other builds there is nothing in this file.

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define VIVARIUM_ADDRESS_SANITIZER
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define VIVARIUM_ADDRESS_SANITIZER
#endif

#ifdef VIVARIUM_ADDRESS_SANITIZER
// The search for leaks starts a process that stops this one with ptrace(): the sandbox forbids both.
// The engine's leaks are found by its unit tests.
extern "C" const char* __asan_default_options() {
    return "detect_leaks=0";
}
#endif
