// squid_mesh/detail/json_path.hpp - the syntax of paths into JSON values: `feed.items[0].title`.
#pragma once

#include <cstddef>
#include <string_view>

namespace squid_mesh::detail {

enum class path_state { key_start, key, index_start, index, index_end, malformed };

constexpr path_state path_state_after(path_state before, char c) {
  using enum path_state;
  const bool is_digit = c >= '0' && c <= '9';
  switch (before) {
    case key_start:
      return c == '.' || c == '[' || c == ']' ? malformed : key;
    case key:
      if (c == ']') return malformed;
      if (c == '.') return key_start;
      return c == '[' ? index_start : key;
    case index_start:
      return is_digit ? index : malformed;
    case index:
      if (is_digit) return index;
      return c == ']' ? index_end : malformed;
    case index_end:
      if (c == '.') return key_start;
      return c == '[' ? index_start : malformed;
    case malformed:
      break;
  }
  return malformed;
}

/// Whether a text is a path: one key or more with dots between, none empty, each followed by any number of decimal
/// indexes of at most nine digits in brackets.
constexpr bool is_json_path(std::string_view path) {
  path_state state = path_state::key_start;
  int digits = 0;
  for (const char c : path) {
    state = path_state_after(state, c);
    digits = state == path_state::index ? digits + 1 : 0;
    if (state == path_state::malformed || digits > 9) return false;
  }
  return state == path_state::key || state == path_state::index_end;
}

/// The first key of a path: `feed` of `feed.items[0]`.
constexpr std::string_view json_path_head(std::string_view path) {
  std::size_t length = 0;
  for (const char c : path) {
    if (c == '.' || c == '[') break;
    ++length;
  }
  return path.substr(0, length);
}

/// Whether a text could be a key in a path.
constexpr bool is_plain_key(std::string_view text) {
  for (const char c : text) {
    if (c == '.' || c == '[' || c == ']') return false;
  }
  return true;
}

}  // namespace squid_mesh::detail
