// Enumerators and their stored names, in one table each.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace squid_mesh::inline v1 {

/// The enumerator whose name this is, in a table of names in the order of the enumerators.
template <class Enum, std::size_t N>
constexpr std::optional<Enum> parse_name(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

template <class Enum, std::size_t N>
constexpr std::string_view name_of(const std::array<std::string_view, N>& names, Enum value) {
  return names.at(static_cast<std::size_t>(value));
}

}  // namespace squid_mesh::inline v1
