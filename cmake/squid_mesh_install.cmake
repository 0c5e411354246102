# What `cmake --install` puts where.
include(CMakePackageConfigHelpers)

block()
get_property(layers GLOBAL PROPERTY SQUID_MESH_LAYERS)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/squid_mesh)
set(pkg_config_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(TARGETS squid_mesh ${layers} squid_mesh_command_line EXPORT squid_mesh_targets)
install(TARGETS squid-mesh)
install(EXPORT squid_mesh_targets NAMESPACE squid_mesh:: DESTINATION ${package_dir})

get_property(find_dependencies GLOBAL PROPERTY SQUID_MESH_FIND_DEPENDENCIES)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/squid_meshConfig.cmake.in
  ${PROJECT_BINARY_DIR}/squid_meshConfig.cmake INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break its users.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/squid_meshConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/squid_meshConfig.cmake ${PROJECT_BINARY_DIR}/squid_meshConfigVersion.cmake
  DESTINATION ${package_dir})

# The linker reads archives once, so users come before what they use: the layers, from the top down.
set(archives ${layers})
list(REVERSE archives)
list(TRANSFORM archives PREPEND -l)
get_property(flags GLOBAL PROPERTY SQUID_MESH_PKG_CONFIG_FLAGS)
list(JOIN archives " " archives)
list(JOIN flags " " flags)
get_property(modules GLOBAL PROPERTY SQUID_MESH_PKG_CONFIG_MODULES)
list(JOIN modules ", " modules)
# The tree may be moved after its installation, so the file finds it from its own place.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}/${pkg_config_dir}
           OUTPUT_VARIABLE pkg_config_to_prefix)
configure_file(${PROJECT_SOURCE_DIR}/cmake/squid_mesh.pc.in ${PROJECT_BINARY_DIR}/squid_mesh.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/squid_mesh.pc DESTINATION ${pkg_config_dir})
endblock()
