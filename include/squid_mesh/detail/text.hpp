// squid_mesh/detail/text.hpp - what is text: UTF-8, and whether a text can be a name.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// UTF-8 sequences by their first byte, with the range of the second; further bytes are 80 to BF (RFC 3629).
struct utf8_form {
  unsigned char first_min;
  unsigned char first_max;
  unsigned char second_min;
  unsigned char second_max;
  std::size_t bytes;
};
inline constexpr std::array<utf8_form, 8> utf8_forms{{
    {0xC2, 0xDF, 0x80, 0xBF, 2},
    {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3},
    {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4},
    {0xF4, 0xF4, 0x80, 0x8F, 4},
}};

/// The bytes of the UTF-8 sequence at the start of a text; 0 where there is none.
constexpr std::size_t utf8_sequence(std::string_view text) {
  const auto within = [text](std::size_t i, unsigned char min, unsigned char max) {
    const auto byte = static_cast<unsigned char>(text[i]);
    return byte >= min && byte <= max;
  };
  if (text.empty()) return 0;
  if (within(0, 0x00, 0x7F)) return 1;
  for (const utf8_form& form : utf8_forms) {
    if (!within(0, form.first_min, form.first_max)) continue;
    if (text.size() < form.bytes || !within(1, form.second_min, form.second_max)) return 0;
    for (std::size_t i = 2; i < form.bytes; ++i) {
      if (!within(i, 0x80, 0xBF)) return 0;
    }
    return form.bytes;
  }
  return 0;
}

// Compilers count the steps of a constant's evaluation and give up after about a million. The loops over texts are most
// of those steps, so they are of one statement per character, without a call.

/// Whether a text has only the characters from space to tilde.
constexpr bool is_printable_ascii(std::string_view text) {
  const char* from = text.data();
  const char* const end = from + text.size();
  while (from != end && *from >= ' ' && *from <= '~') ++from;
  return from == end;
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
  const char* const from_a = a.data();
  const char* const from_b = b.data();
  std::size_t left = a.size();
  while (left > 0 && from_a[left - 1] == from_b[left - 1]) --left;
  return left == 0;
}

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
