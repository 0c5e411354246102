# The library as one shared library, of the objects of all layers. What public headers declare is exported; everything
# else is hidden when it is compiled, and so is by the version script what the compiler instantiates of others' templates.

# What a program asks the loader for. Before 1.0 a minor version may break its users.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(SQUID_MESH_ABI_VERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
else()
  set(SQUID_MESH_ABI_VERSION ${PROJECT_VERSION_MAJOR})
endif()

block()
get_property(layers GLOBAL PROPERTY SQUID_MESH_LAYERS)
get_property(layers_link GLOBAL PROPERTY SQUID_MESH_LAYERS_LINK)
list(REMOVE_DUPLICATES layers_link)
list(TRANSFORM layers REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)

add_library(squid_mesh SHARED ${objects})
target_compile_features(squid_mesh PUBLIC cxx_std_23)
target_include_directories(squid_mesh
  PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(squid_mesh PUBLIC nlohmann_json::nlohmann_json
                                 PRIVATE $<BUILD_INTERFACE:squid_mesh_flags> ${layers_link})
set_target_properties(squid_mesh PROPERTIES
  LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION ${SQUID_MESH_ABI_VERSION}
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)

set(version_script ${PROJECT_BINARY_DIR}/squid_mesh.map)
configure_file(${PROJECT_SOURCE_DIR}/cmake/squid_mesh.map.in ${version_script} @ONLY)
set_property(TARGET squid_mesh PROPERTY LINK_DEPENDS ${version_script})
target_link_options(squid_mesh PRIVATE LINKER:--version-script=${version_script} LINKER:--as-needed)
if(NOT SQUID_MESH_SANITIZE)  # whose functions the program brings
  target_link_options(squid_mesh PRIVATE LINKER:-z,defs)
endif()
endblock()
