// The version of the library that a program is compiled with. This is where it is written; the build, the packages and
// the command line take it from here.
#pragma once

#include <string_view>

// Versions follow semantic versioning; before 1.0 a minor version may break its users.
// NOLINTBEGIN(cppcoreguidelines-macro-usage,*-macro-to-enum): `#if` knows nothing but macros.
#define SQUID_MESH_VERSION_MAJOR 0
#define SQUID_MESH_VERSION_MINOR 1
#define SQUID_MESH_VERSION_PATCH 0

#define SQUID_MESH_DETAIL_TEXT(number) #number
#define SQUID_MESH_DETAIL_VERSION(major, minor, patch) \
  SQUID_MESH_DETAIL_TEXT(major) "." SQUID_MESH_DETAIL_TEXT(minor) "." SQUID_MESH_DETAIL_TEXT(patch)
// NOLINTEND(cppcoreguidelines-macro-usage,*-macro-to-enum)

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

inline constexpr int version_major = SQUID_MESH_VERSION_MAJOR;
inline constexpr int version_minor = SQUID_MESH_VERSION_MINOR;
inline constexpr int version_patch = SQUID_MESH_VERSION_PATCH;

/// All three, such as "1.20.3".
inline constexpr std::string_view version_string =
    SQUID_MESH_DETAIL_VERSION(SQUID_MESH_VERSION_MAJOR, SQUID_MESH_VERSION_MINOR, SQUID_MESH_VERSION_PATCH);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop

#undef SQUID_MESH_DETAIL_VERSION
#undef SQUID_MESH_DETAIL_TEXT
