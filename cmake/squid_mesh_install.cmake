# What `cmake --install` puts where, in three components: what a program that uses the library needs when it runs
# (runtime; nothing, of static libraries) and when it is built (dev), and the command line (command).
include(CMakePackageConfigHelpers)

block()
get_property(layers GLOBAL PROPERTY SQUID_MESH_LAYERS)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/squid_mesh)
set(pkg_config_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(installed squid_mesh squid_mesh_command_line)
if(NOT SQUID_MESH_SHARED)
  list(APPEND installed ${layers})
endif()
install(TARGETS ${installed} EXPORT squid_mesh_targets
  LIBRARY COMPONENT runtime NAMELINK_COMPONENT dev
  ARCHIVE COMPONENT dev)
install(TARGETS squid-mesh RUNTIME COMPONENT command)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev
  FILES_MATCHING PATTERN "*.hpp")
install(EXPORT squid_mesh_targets NAMESPACE squid_mesh:: DESTINATION ${package_dir} COMPONENT dev)

# Users link the layers themselves, or the shared library, which brings what the layers use.
set(linked layers)
if(SQUID_MESH_SHARED)
  set(linked headers)
  # The command finds the library wherever the two are installed. Where the loader finds it, it needs no help.
  if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    file(RELATIVE_PATH bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
    set_property(TARGET squid-mesh PROPERTY INSTALL_RPATH "$ORIGIN/${bin_to_lib}")
  endif()
endif()
get_property(find_dependencies GLOBAL PROPERTY SQUID_MESH_FIND_DEPENDENCIES_${linked})
get_property(find_for_command_line GLOBAL PROPERTY SQUID_MESH_FIND_DEPENDENCIES_command_line)
list(APPEND find_dependencies ${find_for_command_line})
list(REMOVE_DUPLICATES find_dependencies)
list(JOIN find_dependencies "\n" find_dependencies)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/squid_meshConfig.cmake.in
  ${PROJECT_BINARY_DIR}/squid_meshConfig.cmake INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break its users.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/squid_meshConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/squid_meshConfig.cmake ${PROJECT_BINARY_DIR}/squid_meshConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT dev)

# The tree may be moved after its installation, so pkg-config's files find it from their own place.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}/${pkg_config_dir}
           OUTPUT_VARIABLE pkg_config_to_prefix)

# install_pkg_config(<name> <part of the dependencies> DESCRIPTION <text> [LIBS <flag> ...] [REQUIRES <module> ...])
function(install_pkg_config name part)
  cmake_parse_arguments(arg "" "DESCRIPTION" "LIBS;REQUIRES" ${ARGN})
  get_property(modules GLOBAL PROPERTY SQUID_MESH_PKG_CONFIG_MODULES_${part})
  get_property(flags GLOBAL PROPERTY SQUID_MESH_PKG_CONFIG_FLAGS_${part})
  list(PREPEND modules ${arg_REQUIRES})
  list(JOIN modules ", " modules)
  list(JOIN arg_LIBS " " libs)
  list(APPEND libs ${flags})
  list(JOIN libs " " libs)
  set(description ${arg_DESCRIPTION})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/pkg_config.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${pkg_config_dir} COMPONENT dev)
endfunction()

set(libs squid_mesh)
if(NOT SQUID_MESH_SHARED)
  # The linker reads archives once, so users come before what they use: the layers, from the top down.
  set(libs ${layers})
  list(REVERSE libs)
endif()
list(TRANSFORM libs PREPEND -l)
install_pkg_config(squid_mesh ${linked} DESCRIPTION "${PROJECT_DESCRIPTION}" LIBS ${libs})
install_pkg_config(squid_mesh_command_line command_line DESCRIPTION "The commands of squid-mesh, for a host's own program"
  LIBS -lsquid_mesh_command_line REQUIRES "squid_mesh = ${PROJECT_VERSION}" cpp-httplib)
endblock()

if(SQUID_MESH_SHARED)
  include(squid_mesh_packages)
endif()
