// squid_mesh/detail/json_path.hpp - the syntax of paths into JSON values: `feed.items[0].title`.
#pragma once

#include <cstddef>
#include <string_view>

namespace squid_mesh::detail {

/// Whether a text is a path: one key or more with dots between, none empty, each followed by any number of decimal
/// indexes in brackets.
constexpr bool is_json_path(std::string_view path) {
  bool key_open = true;  // A key must begin or may go on.
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

/// Whether a text is a path of a single key: a key that a path can name.
constexpr bool is_plain_key(std::string_view text) { return text.find_first_of(".[]") == std::string_view::npos; }

}  // namespace squid_mesh::detail
