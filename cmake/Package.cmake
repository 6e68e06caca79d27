# Installing, and the Debian package: `cmake --build --preset release && cpack --config build/release/CPackConfig.cmake`.
include(GNUInstallDirs)
find_program(STRIP strip)
find_program(GZIP gzip)

# A level deeper than usual: CPack calls ldconfig for libraries in lib/ and in the folders of lib/.
set(private_folder lib/dicomhouse/engine)
set(document_folder ${CMAKE_INSTALL_DOCDIR})

if(TARGET dicomhouse)
  set_target_properties(dicomhouse PROPERTIES INSTALL_RPATH "$ORIGIN/../${private_folder}")
  target_link_options(dicomhouse PRIVATE LINKER:-z,relro,-z,now)  # a server: what is linked is not written to any more
  install(TARGETS dicomhouse RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# The engine's library, when it isn't an installed one: a copy in a private folder, stripped by us (CPack strips targets only).
if(duckdb_folder)
  set(stripped_engine ${CMAKE_BINARY_DIR}/stripped/libduckdb.so)
  add_custom_command(OUTPUT ${stripped_engine}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/stripped
    COMMAND ${STRIP} --strip-unneeded -o ${stripped_engine} ${DUCKDB_LIBRARY}
    DEPENDS ${DUCKDB_LIBRARY} VERBATIM)
  add_custom_target(stripped_engine ALL DEPENDS ${stripped_engine})
  install(FILES ${stripped_engine} DESTINATION ${private_folder})
endif()

install(FILES ${CMAKE_SOURCE_DIR}/packaging/copyright DESTINATION ${document_folder})

include(${CMAKE_CURRENT_LIST_DIR}/Manual.cmake)

# The server as a service of systemd: installed, but started only by who enables it.
install(FILES ${CMAKE_SOURCE_DIR}/packaging/dicomhouse.service DESTINATION lib/systemd/system)
install(FILES ${CMAKE_SOURCE_DIR}/packaging/dicomhouse.toml DESTINATION ${document_folder}/examples)

set(CPACK_PACKAGE_CONTACT "dicomhouse maintainers <maintainers@dicomhouse.example>" CACHE STRING "Maintainer of the package")
# Debian's own form of a change log; the changes themselves are in CHANGELOG.md. SOURCE_DATE_EPOCH is respected.
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${CMAKE_BINARY_DIR}/changelog "${CMAKE_PROJECT_NAME} (${PROJECT_VERSION}) stable; urgency=medium\n\n"
  "  * Release ${PROJECT_VERSION}.\n\n -- ${CPACK_PACKAGE_CONTACT}  ${now}\n")
install(CODE "
  execute_process(COMMAND \"${GZIP}\" -9nfk \"${CMAKE_BINARY_DIR}/changelog\" COMMAND_ERROR_IS_FATAL ANY)
  file(INSTALL \"${CMAKE_BINARY_DIR}/changelog.gz\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${document_folder}\")
")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_NAME dicomhouse)
set(CPACK_PACKAGE_VENDOR dicomhouse)
set(CPACK_STRIP_FILES TRUE)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Reads the metadata of DICOM files from folders, archives and lists of
paths into tables (Apache Iceberg and Parquet), one row for each
instance, and answers questions in SQL about them. Also a server: DICOM
stores with DICOMweb and Google's Healthcare API.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/stripped)
include(CPack)
