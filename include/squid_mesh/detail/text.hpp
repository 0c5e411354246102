// squid_mesh/detail/text.hpp - what is text: UTF-8, and whether a text can be a name.
#pragma once

#include <cstddef>
#include <string_view>

namespace squid_mesh::detail {

/// The bytes of the UTF-8 sequence at the start of a text; 0 where there is none (RFC 3629: no overlong forms, no
/// surrogates, nothing above U+10FFFF).
constexpr std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [byte](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (text.empty()) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    return continues(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool second = continues(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
    return second && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

// Compilers count the steps of a constant's evaluation and give up after about a million. The loops over texts are most
// of those steps, so they use plain pointers, where a member function would cost a call per character.

/// Whether a text has only the characters from space to tilde.
constexpr bool is_printable_ascii(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

constexpr bool is_utf8(std::string_view text) {
  if (is_printable_ascii(text)) return true;
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

constexpr bool has_control_character(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  }
  return false;
}

/// Equality. It begins at the end: names that differ often have the same beginning.
constexpr bool same_text(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const char* from_a = a.data();
  const char* from_b = b.data();
  for (std::size_t i = a.size(); i-- > 0;) {
    if (from_a[i] != from_b[i]) return false;
  }
  return true;
}

}  // namespace squid_mesh::detail
