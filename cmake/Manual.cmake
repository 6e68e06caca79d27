# The page of the manual and the completion of words for shells. The program makes them of its own definitions.
if(NOT TARGET dicomhouse)
  return()
endif()
set(manual_folder ${CMAKE_BINARY_DIR}/manual)
set(manual_files)

# One file that `dicomhouse generate WHAT` prints.
function(dicomhouse_generated what name folder)
  add_custom_command(OUTPUT ${manual_folder}/${name}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${manual_folder}
    COMMAND dicomhouse generate ${what} > ${manual_folder}/${name}
    DEPENDS dicomhouse COMMENT "Making ${name}" VERBATIM)
  set(file ${manual_folder}/${name})
  if(name MATCHES "[.]1$" AND GZIP)
    add_custom_command(OUTPUT ${file}.gz COMMAND ${GZIP} -9nfk ${file} DEPENDS ${file} VERBATIM)
    set(file ${file}.gz)
  endif()
  install(FILES ${file} DESTINATION ${folder} ${ARGN})
  set(manual_files ${manual_files} ${file} PARENT_SCOPE)
endfunction()

dicomhouse_generated(man dicomhouse.1 ${CMAKE_INSTALL_MANDIR}/man1)
dicomhouse_generated(bash dicomhouse.bash ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME dicomhouse)
dicomhouse_generated(zsh _dicomhouse ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
dicomhouse_generated(fish dicomhouse.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
add_custom_target(manual ALL DEPENDS ${manual_files})
