// squid_mesh/detail/json_path.hpp - the syntax of paths into JSON values: `feed.items[0].title`.
#pragma once

#include <cstddef>
#include <string_view>

namespace squid_mesh::detail {

/// Whether a text is a path: one key or more with dots between, none empty, each followed by any number of decimal
/// indexes of at most nine digits in brackets.
constexpr bool is_json_path(std::string_view path) {
  enum class after { dot, key, bracket, digit, index };
  after last = after::dot;
  int digits = 0;
  for (const char c : path) {
    const bool is_digit = c >= '0' && c <= '9';
    if (last == after::bracket || last == after::digit) {
      if (is_digit && ++digits <= 9) {
        last = after::digit;
      } else if (c == ']' && last == after::digit && digits <= 9) {
        last = after::index;
      } else {
        return false;
      }
    } else if (c == '.' || c == '[') {
      if (last == after::dot) return false;
      last = c == '.' ? after::dot : after::bracket;
      digits = 0;
    } else {
      if (last == after::index || c == ']') return false;
      last = after::key;
    }
  }
  return last == after::key || last == after::index;
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
