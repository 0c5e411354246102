// Following paths into JSON values.
#pragma once

#include <squid_mesh/detail/json_path.hpp>
#include <squid_mesh/json.hpp>

#include <string_view>

namespace squid_mesh::inline v1 {

using detail::is_json_path;
using detail::json_path_head;

/// The value at a path, or nullptr where there is none or the path is malformed.
const json* find_at_path(const json& root, std::string_view path);

}  // namespace squid_mesh::inline v1
