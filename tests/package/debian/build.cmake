# Makes the Debian packages in a build of their own, with this build's flags: at the same depth, so that the compiler
# cache knows the objects.
execute_process(COMMAND ${CMAKE_COMMAND} -S ${source} -B ${tree} -G Ninja --log-level=WARNING ${settings}
  -D SQUID_MESH_SHARED=ON -D SQUID_MESH_TESTS=OFF -D SQUID_MESH_BENCH=OFF -D CMAKE_INSTALL_PREFIX=/usr
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${tree} COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE_RECURSE ${packages})
execute_process(COMMAND ${CMAKE_CPACK_COMMAND} --config ${tree}/CPackConfig.cmake -G DEB -B ${packages}
  COMMAND_ERROR_IS_FATAL ANY)
