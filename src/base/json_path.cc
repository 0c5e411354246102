#include "base/json_path.h"

#include <charconv>
#include <string>

namespace squid_mesh::inline v1 {
namespace {

const json* member(const json& value, std::string_view key) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(key);
  return found == value.end() ? nullptr : &*found;
}

const json* element(const json& value, std::string_view digits) {
  std::size_t index = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), index);
  return value.is_array() && index < value.size() ? &value[index] : nullptr;
}

}  // namespace

const json* find_at_path(const json& root, std::string_view path) {
  if (!is_json_path(path)) return nullptr;
  const json* at = &root;
  while (at != nullptr && !path.empty()) {
    if (path.front() == '[') {
      const auto close = path.find(']');
      at = element(*at, path.substr(1, close - 1));
      path.remove_prefix(close + 1);
    } else {
      if (path.front() == '.') path.remove_prefix(1);
      const auto key = json_path_head(path);
      at = member(*at, key);
      path.remove_prefix(key.size());
    }
  }
  return at;
}

}  // namespace squid_mesh::inline v1
