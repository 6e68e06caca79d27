# DuckDB::C: the engine's C header; DuckDB::Library: its shared library too. An installed DuckDB is taken when found
# (find_library duckdb + duckdb.h); else the library comes from npm by exact version and SHA-512
# (docs/decisions: the header 1.4.4 fits the library 1.5.6). Ways to get a tarball, in order:
#   1. DICOMHOUSE_NPM_TARBALLS: a folder of tarballs (offline builds);
#   2. `npm pack` (any registry that npm is set up for).

set(DICOMHOUSE_NPM_TARBALLS "" CACHE PATH "Folder with npm tarballs, for builds without a network")
option(DICOMHOUSE_SYSTEM_DUCKDB "Take an installed DuckDB when there is one" ON)

function(dicomhouse_npm_tarball name version sha512 out_file)
  get_filename_component(base "${name}" NAME)
  set(cache "$ENV{DICOMHOUSE_CACHE}")
  if(NOT cache)
    set(cache "${CMAKE_SOURCE_DIR}/.cache")
  endif()
  set(tarballs "${cache}/npm")
  file(MAKE_DIRECTORY "${tarballs}")
  file(GLOB found "${DICOMHOUSE_NPM_TARBALLS}/*${base}-${version}.tgz" "${tarballs}/*${base}-${version}.tgz")
  if(NOT found)
    message(STATUS "Fetching ${name}@${version} from npm")
    execute_process(COMMAND npm pack --silent --pack-destination "${tarballs}" "${name}@${version}"
      WORKING_DIRECTORY "${tarballs}" RESULT_VARIABLE failed OUTPUT_QUIET)
    if(failed)
      message(FATAL_ERROR "npm could not fetch ${name}@${version}. Is npm installed and the registry reachable? "
        "For an offline build put the tarball into a folder and pass -DDICOMHOUSE_NPM_TARBALLS=FOLDER.")
    endif()
    file(GLOB found "${tarballs}/*${base}-${version}.tgz")
  endif()
  list(GET found 0 tarball)
  file(SHA512 "${tarball}" got)
  if(NOT got STREQUAL sha512)
    message(FATAL_ERROR "${tarball}: SHA-512 is ${got}, expected ${sha512}. Remove the file and try again.")
  endif()
  set(${out_file} "${tarball}" PARENT_SCOPE)
endfunction()

if(DICOMHOUSE_SYSTEM_DUCKDB)
  find_library(DUCKDB_LIBRARY duckdb)
  find_path(DUCKDB_INCLUDE duckdb.h)
endif()

if(NOT DUCKDB_LIBRARY OR NOT DUCKDB_INCLUDE)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    message(FATAL_ERROR "On this processor install DuckDB (libduckdb.so and duckdb.h) yourself; configure finds it.")
  endif()
  dicomhouse_npm_tarball("@duckdb/node-bindings-linux-x64" "1.5.6-r.1"
    "21772b64913a904a8cd19e30c1d5671811d7fdface4b7dd53cd0300d743f43e16cf386f4e7c41ef78721ac208870d2651bc6375072145387817824315b998dd5"
    duckdb_binary)
  dicomhouse_npm_tarball("duckdb" "1.4.4"
    "844249e61c9517454b8f776638ba6c5ab411d1bddde1892ab72826ea25178c72430e74aa83f5122b171be6abcdace84560f824b5ac94e9d5c2b603ea7269a9a2" duckdb_header)
  set(duckdb_folder "${CMAKE_BINARY_DIR}/duckdb")
  if(NOT EXISTS "${duckdb_folder}/package/libduckdb.so")
    file(ARCHIVE_EXTRACT INPUT "${duckdb_binary}" DESTINATION "${duckdb_folder}" PATTERNS "package/libduckdb.so")
  endif()
  if(NOT EXISTS "${duckdb_folder}/include/duckdb.h")
    file(ARCHIVE_EXTRACT INPUT "${duckdb_header}" DESTINATION "${duckdb_folder}"
      PATTERNS "package/src/duckdb/src/include/duckdb.h")
    file(COPY "${duckdb_folder}/package/src/duckdb/src/include/duckdb.h" DESTINATION "${duckdb_folder}/include")
  endif()
  set(DUCKDB_LIBRARY "${duckdb_folder}/package/libduckdb.so")
  set(DUCKDB_INCLUDE "${duckdb_folder}/include")
endif()

# The library is loaded when it is first used (src/warehouse/internal/engine_library.h), so nothing links with it; programs know
# where it is.
add_library(DuckDB::C INTERFACE IMPORTED GLOBAL)
target_include_directories(DuckDB::C INTERFACE "${DUCKDB_INCLUDE}")
target_link_libraries(DuckDB::C INTERFACE ${CMAKE_DL_LIBS})
# For tests, which ask the engine what we wrote.
add_library(DuckDB::Library SHARED IMPORTED GLOBAL)
set_target_properties(DuckDB::Library PROPERTIES IMPORTED_LOCATION "${DUCKDB_LIBRARY}")
target_link_libraries(DuckDB::Library INTERFACE DuckDB::C)
get_filename_component(duckdb_place "${DUCKDB_LIBRARY}" DIRECTORY)
list(APPEND CMAKE_BUILD_RPATH "${duckdb_place}")
if(DICOMHOUSE_SANITIZE)
  # Sanitizers stand between a program and dlopen; only the old kind of path is searched for their calls too.
  add_link_options(-Wl,--disable-new-dtags)
endif()
