#include "discord_limits.h"

#include <algorithm>

namespace daily_digest::discord {
namespace {

constexpr std::string_view ellipsis = "\u2026";

/// How many UTF-16 code units begin at this byte of a UTF-8 text: none inside a character, two for the long ones.
std::size_t units(char byte) {
  const auto bits = static_cast<unsigned char>(byte);
  if ((bits & 0xC0U) == 0x80U) return 0;
  return bits >= 0xF0U ? 2 : 1;
}

}  // namespace

std::size_t length(std::string_view utf8) {
  std::size_t count = 0;
  for (const char byte : utf8) count += units(byte);
  return count;
}

std::string shortened(std::string_view utf8, std::size_t max_length) {
  if (length(utf8) <= max_length) return std::string(utf8);
  if (max_length == 0) return {};
  std::size_t kept = 0;
  std::size_t room = max_length - length(ellipsis);
  while (kept < utf8.size() && units(utf8[kept]) <= room) room -= units(utf8[kept++]);
  std::string text(utf8.substr(0, kept));
  while (text.ends_with(' ')) text.pop_back();
  return text.append(ellipsis);
}

bool is_link(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return false;
  }
  const bool has_host = !rest.empty() && !std::string_view("/?#:@").contains(rest.front());
  return has_host && text.size() <= max_url && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7F'; });
}

}  // namespace daily_digest::discord
