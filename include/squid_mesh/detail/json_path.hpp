// squid_mesh/detail/json_path.hpp - the syntax of paths into JSON values: `feed.items[0].title`.
#pragma once

#include <cstddef>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// The position of the first character at or after `at` that is not one of a key.
constexpr std::size_t end_of_key(std::string_view path, std::size_t at) {
  const char* const text = path.data();
  const std::size_t size = path.size();
  while (at < size && text[at] != '.' && text[at] != '[' && text[at] != ']') ++at;
  return at;
}

/// The position after an index in brackets, of at most nine decimal digits, that begins at `at`; `at` where none does.
constexpr std::size_t end_of_index(std::string_view path, std::size_t at) {
  std::size_t end = at + 1;
  while (end < path.size() && path[end] >= '0' && path[end] <= '9') ++end;
  const std::size_t digits = end - at - 1;
  return digits >= 1 && digits <= 9 && end < path.size() && path[end] == ']' ? end + 1 : at;
}

/// Whether a text is a path: one key or more with dots between, none empty, each followed by any number of decimal
/// indexes of at most nine digits in brackets.
constexpr bool is_json_path(std::string_view path) {
  std::size_t at = 0;
  while (true) {
    const std::size_t key = end_of_key(path, at);
    if (key == at) return false;
    at = key;
    while (at < path.size() && path[at] == '[') {
      const std::size_t index = end_of_index(path, at);
      if (index == at) return false;
      at = index;
    }
    if (at == path.size()) return true;
    if (path[at] != '.') return false;
    ++at;
  }
}

/// The first key of a path: `feed` of `feed.items[0]`.
constexpr std::string_view json_path_head(std::string_view path) { return path.substr(0, end_of_key(path, 0)); }

/// Whether a text could be a key in a path.
constexpr bool is_plain_key(std::string_view text) { return end_of_key(text, 0) == text.size(); }

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
