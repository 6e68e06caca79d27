# Settings that every sanitized program needs, compiled in, so that no environment has to be set.
if(DICOMHOUSE_SANITIZE MATCHES "thread")
  file(WRITE ${CMAKE_BINARY_DIR}/thread_sanitizer_defaults.cc [=[
// The engine's library isn't instrumented, and the C library's lock around the time zone isn't seen.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1:halt_on_error=1"; }
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:tzset_internal\n"; }
]=])
  add_library(thread_sanitizer_defaults OBJECT ${CMAKE_BINARY_DIR}/thread_sanitizer_defaults.cc)
  link_libraries($<TARGET_OBJECTS:thread_sanitizer_defaults>)
endif()
if(DICOMHOUSE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
