# Tests of the repository itself: layers, style, headers that stand alone; and the long ones (label `long`), which take
# minutes: `./dicomhouse test --long`.
find_package(Python3 COMPONENTS Interpreter REQUIRED)
set(tools ${CMAKE_SOURCE_DIR}/tools)

add_test(NAME check_layers
  COMMAND Python3::Interpreter ${tools}/check_layers.py --compile-commands ${CMAKE_BINARY_DIR}/compile_commands.json)
add_test(NAME tidy COMMAND Python3::Interpreter ${tools}/tidy.py)
foreach(name check_layers tidy)
  add_test(NAME ${name}_test COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/tests/architecture/${name}_test.py)
endforeach()

# One source for each header of src/, which includes it and nothing else.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/src/*.h)
set(alone_sources)
foreach(header IN LISTS headers)
  string(REGEX REPLACE "[/.]" "_" name ${header})
  set(source ${CMAKE_BINARY_DIR}/headers_alone/${name}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n")
  list(APPEND alone_sources ${source})
endforeach()
add_library(headers_alone OBJECT EXCLUDE_FROM_ALL ${alone_sources})
target_include_directories(headers_alone PRIVATE ${CMAKE_SOURCE_DIR}/src)
foreach(module IN LISTS DICOMHOUSE_MODULES)
  target_link_libraries(headers_alone PRIVATE ${${module}_third})
endforeach()
add_test(NAME headers_alone COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --target headers_alone)
set_tests_properties(headers_alone PROPERTIES RUN_SERIAL TRUE TIMEOUT 900)

add_test(NAME long_clang_format COMMAND ${tools}/run_clang_format.sh)
add_test(NAME long_clang_tidy COMMAND ${tools}/run_clang_tidy.sh)
add_test(NAME long_fuzzers COMMAND ${tools}/run_fuzzers.sh)
add_test(NAME long_sanitize COMMAND ${tools}/run_preset_tests.sh sanitize)
add_test(NAME long_thread COMMAND ${tools}/run_preset_tests.sh thread)
set_tests_properties(long_clang_format long_clang_tidy long_fuzzers long_sanitize long_thread
  PROPERTIES LABELS long RUN_SERIAL TRUE TIMEOUT 7200)
