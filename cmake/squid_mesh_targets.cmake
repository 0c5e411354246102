# How every target of the project is built.

# The flags that our own targets share; users of the library get none of them. Not -Wnull-dereference: optimising, GCC 12
# sees null pointers in nlohmann-json's iterators that aren't there; the sanitizers and clang-tidy find the real ones.
add_library(squid_mesh_flags INTERFACE)
target_compile_features(squid_mesh_flags INTERFACE cxx_std_23)
target_compile_options(squid_mesh_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-align -Woverloaded-virtual -Wformat=2 -Wimplicit-fallthrough
  # Designated initialisers leave members out on purpose: their defaults are the documentation.
  -Wno-missing-field-initializers
  # GCC 12's optimiser sees uninitialised parts in every std::expected that is moved.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<BOOL:${SQUID_MESH_WERROR}>:-Werror>)
if(SQUID_MESH_SANITIZE)
  target_compile_options(squid_mesh_flags INTERFACE
    -fsanitize=${SQUID_MESH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(squid_mesh_flags INTERFACE -fsanitize=${SQUID_MESH_SANITIZE})
endif()

# squid_mesh_library(<layer> SOURCES ... [DEPENDS <layer> ...] [LINK <external target> ...])
# One layer of the library: a static library that may use only the layers it names, all of which come before it.
# A test links each one alone.
function(squid_mesh_library layer)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  set(target squid_mesh_${layer})
  foreach(lower IN LISTS arg_DEPENDS)
    if(NOT TARGET squid_mesh_${lower})
      message(FATAL_ERROR "the layer ${layer} depends on ${lower}, which src/CMakeLists.txt doesn't name before it")
    endif()
  endforeach()
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(squid_mesh::${layer} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${layer} POSITION_INDEPENDENT_CODE ON
                                             CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_features(${target} PUBLIC cxx_std_23)
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM arg_DEPENDS PREPEND squid_mesh_)
  target_link_libraries(${target} PUBLIC ${arg_DEPENDS} nlohmann_json::nlohmann_json
                                  PRIVATE $<BUILD_INTERFACE:squid_mesh_flags> ${arg_LINK})
  set_property(GLOBAL APPEND PROPERTY SQUID_MESH_LAYERS ${target})
  set_property(GLOBAL APPEND PROPERTY SQUID_MESH_LAYERS_LINK ${arg_LINK})
endfunction()

# squid_mesh_program(<name> SOURCES ... [LINK <target> ...])  An executable with the project's flags.
function(squid_mesh_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  target_link_libraries(${name} PRIVATE squid_mesh_flags ${arg_LINK})
endfunction()
