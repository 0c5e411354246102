# squid_mesh_embed_migrations(<source file to write> <backend> <NNNN_name.sql> ...)
# Compiles numbered SQL files into the library, as the `all_migrations()` of a storage backend.
function(squid_mesh_embed_migrations output backend)
  set(entries "")
  foreach(file IN LISTS ARGN)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} sql)
    get_filename_component(name ${file} NAME_WE)
    string(REGEX MATCH "^[0-9]+" version ${name})
    math(EXPR version "1${version} - 10000")
    string(APPEND entries "    {${version}, \"${name}\", R\"sql(${sql})sql\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT
"#include \"storage/@backend@/migrations.h\"

#include <array>

namespace squid_mesh::storage::@backend@ {

std::span<const migration> all_migrations() {
  static constexpr std::array migrations{std::to_array<migration>({
@entries@  })};
  return migrations;
}

}  // namespace squid_mesh::storage::@backend@
")
endfunction()
