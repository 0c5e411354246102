// The case rules of HTTP, which know no locale.
#pragma once

#include <string>
#include <string_view>

namespace squid_mesh::inline v1::http {

inline std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace squid_mesh::inline v1::http
