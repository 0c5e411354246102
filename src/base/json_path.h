// Paths into JSON values: keys with dots between, indexes in brackets: `feed.items[0].title`.
#pragma once

#include <squid_mesh/json.hpp>

#include <string_view>

namespace squid_mesh {

/// Whether a text is a path: one key or more, none empty, each followed by any number of decimal indexes.
constexpr bool is_json_path(std::string_view path) {
  bool key_open = true;     // a key must begin or go on
  bool key_empty = true;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '.') {
      if (key_open && key_empty) return false;
      key_open = key_empty = true;
    } else if (c == '[') {
      if (key_open && key_empty) return false;
      std::size_t digits = 0;
      while (++i < path.size() && path[i] >= '0' && path[i] <= '9') ++digits;
      if (digits == 0 || digits > 9 || i >= path.size() || path[i] != ']') return false;
      key_open = false;
    } else {
      if (!key_open || c == ']') return false;
      key_empty = false;
    }
  }
  return !(key_open && key_empty);
}

/// The first key of a path: `feed` of `feed.items[0]`.
constexpr std::string_view json_path_head(std::string_view path) { return path.substr(0, path.find_first_of(".[")); }

/// The value at a path, or nullptr where there is none or the path is malformed.
const json* find_at_path(const json& root, std::string_view path);

}  // namespace squid_mesh
