# Installs a build into a tree that has nothing of an earlier installation.
file(REMOVE_RECURSE ${prefix})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${build} --prefix ${prefix} COMMAND_ERROR_IS_FATAL ANY)

foreach(file man/man1/squid-mesh.1 bash-completion/completions/squid-mesh zsh/site-functions/_squid-mesh
             fish/vendor_completions.d/squid-mesh.fish)
  file(READ ${prefix}/share/${file} text)
  if(NOT text MATCHES "definitions.*diff")
    message(FATAL_ERROR "share/${file} doesn't say what the program does")
  endif()
endforeach()
