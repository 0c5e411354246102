#pragma once

#include <string>
#include <string_view>

namespace squid_mesh::storage::postgres {

/// The text with every mark, such as `{holder}`, replaced by its value.
inline std::string fill_in(std::string text, std::string_view mark, std::string_view value) {
  for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size()) {
    text.replace(at, mark.size(), value);
  }
  return text;
}

}  // namespace squid_mesh::storage::postgres
