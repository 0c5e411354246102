#include "html_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace daily_digest {
namespace {

using namespace std::string_view_literals;

/// Those that feeds use; others stay as they are written.
constexpr std::array<std::pair<std::string_view, std::string_view>, 42> entities{{
    {"amp", "&"},         {"lt", "<"},          {"gt", ">"},          {"quot", "\""},       {"apos", "'"},
    {"nbsp", " "},        {"ndash", "\u2013"},  {"mdash", "\u2014"},  {"hellip", "\u2026"}, {"lsquo", "\u2018"},
    {"rsquo", "\u2019"},  {"sbquo", "\u201A"},  {"ldquo", "\u201C"},  {"rdquo", "\u201D"},  {"bdquo", "\u201E"},
    {"laquo", "\u00AB"},  {"raquo", "\u00BB"},  {"bull", "\u2022"},   {"middot", "\u00B7"}, {"copy", "\u00A9"},
    {"reg", "\u00AE"},    {"trade", "\u2122"},  {"euro", "\u20AC"},   {"pound", "\u00A3"},  {"deg", "\u00B0"},
    {"times", "\u00D7"},  {"frac12", "\u00BD"}, {"auml", "\u00E4"},   {"ouml", "\u00F6"},   {"uuml", "\u00FC"},
    {"Auml", "\u00C4"},   {"Ouml", "\u00D6"},   {"Uuml", "\u00DC"},   {"szlig", "\u00DF"},  {"eacute", "\u00E9"},
    {"egrave", "\u00E8"}, {"agrave", "\u00E0"}, {"ccedil", "\u00E7"}, {"ntilde", "\u00F1"}, {"aring", "\u00E5"},
    {"oslash", "\u00F8"}, {"aelig", "\u00E6"},
}};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Whether a text begins with lower-case ASCII letters, in any case.
bool begins_with(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() && std::ranges::equal(text.substr(0, lower.size()), lower, {}, [](char c) {
           return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
         });
}

/// The position after the next `end`, or the end of the text.
std::size_t past(std::string_view text, std::string_view end, std::size_t from = 0) {
  const auto found = text.find(end, from);
  return found == std::string_view::npos ? text.size() : found + end.size();
}

/// The length of a script or style element with its content; 0 where there is none.
std::size_t hidden_element(std::string_view text) {
  for (const auto& [open, close] : {std::pair{"<script"sv, "</script"sv}, std::pair{"<style"sv, "</style"sv}}) {
    if (!begins_with(text, open)) continue;
    std::size_t at = open.size();
    while (at < text.size() && !begins_with(text.substr(at), close)) ++at;
    return past(text, ">", at);
  }
  return 0;
}

/// The length of the markup at the start of a text; 0 where its `<` is just a character.
std::size_t markup(std::string_view text) {
  if (text.starts_with("<!--")) return past(text, "-->");
  if (const std::size_t length = hidden_element(text); length > 0) return length;
  const bool is_tag = text.size() > 1 && text.front() == '<' &&
                      (is_letter(text[1]) || text[1] == '/' || text[1] == '!' || text[1] == '?');
  return is_tag ? past(text, ">") : 0;
}

/// Whether a tag stands inside a word or a sentence, where leaving it out leaves no gap.
bool is_inline(std::string_view tag) {
  constexpr std::array names{"a"sv, "abbr"sv, "b"sv,     "code"sv, "del"sv,    "em"sv,  "i"sv,   "ins"sv, "mark"sv,
                             "q"sv, "s"sv,    "small"sv, "span"sv, "strong"sv, "sub"sv, "sup"sv, "u"sv,   "wbr"sv};
  tag.remove_prefix(tag.starts_with("</") ? 2 : 1);
  const auto* end = std::ranges::find_if_not(tag, is_letter);
  const auto name = tag.substr(0, static_cast<std::size_t>(end - tag.begin()));
  return std::ranges::any_of(
      names, [&](std::string_view each) { return each.size() == name.size() && begins_with(name, each); });
}

std::string utf8(std::uint32_t code) {
  const auto byte = [](std::uint32_t bits) { return static_cast<char>(bits); };
  const auto tail = [&](unsigned shift) { return byte(0x80U | ((code >> shift) & 0x3FU)); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xC0U | (code >> 6U)), tail(0)};
  if (code < 0x1'0000) return {byte(0xE0U | (code >> 12U)), tail(6), tail(0)};
  return {byte(0xF0U | (code >> 18U)), tail(12), tail(6), tail(0)};
}

/// `#8230` or `#x2026`. What is no character becomes the replacement character, as in browsers.
std::optional<std::string> numeric(std::string_view name) {
  if (!name.starts_with('#')) return std::nullopt;
  name.remove_prefix(1);
  const bool is_hex = begins_with(name, "x");
  if (is_hex) name.remove_prefix(1);
  std::uint32_t code = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), code, is_hex ? 16 : 10);
  if (name.empty() || read.ptr != name.data() + name.size()) return std::nullopt;
  const bool is_character =
      read.ec == std::errc() && code != 0 && code <= 0x10'FFFF && (code < 0xD800 || code > 0xDFFF);
  return is_character ? utf8(code) : "\uFFFD";
}

/// The character of the entity at the start of a text, and the entity's length; length 0 where there is none.
std::pair<std::string, std::size_t> entity(std::string_view text) {
  constexpr std::size_t longest = 32;
  const auto end = text.substr(0, longest).find(';');
  if (!text.starts_with('&') || end == std::string_view::npos) return {};
  const std::string_view name = text.substr(1, end - 1);
  if (auto character = numeric(name)) return {*std::move(character), end + 1};
  const auto* named = std::ranges::find(entities, name, &std::pair<std::string_view, std::string_view>::first);
  if (named == entities.end()) return {};
  return {std::string(named->second), end + 1};
}

}  // namespace

std::string html_to_text(std::string_view html) {
  std::string text;
  while (!html.empty()) {
    if (const std::size_t length = markup(html); length > 0) {
      if (!is_inline(html.substr(0, length))) text += ' ';
      html.remove_prefix(length);
    } else if (const auto [character, size] = entity(html); size > 0) {
      text += character;
      html.remove_prefix(size);
    } else {
      text += html.front();
      html.remove_prefix(1);
    }
  }
  return fold_white_space(text);
}

std::string fold_white_space(std::string_view text) {
  constexpr std::string_view no_break_space = "\u00A0";
  std::string folded;
  while (!text.empty()) {
    const bool is_no_break = text.starts_with(no_break_space);
    const bool is_white = is_no_break || " \t\r\n\f\v"sv.contains(text.front());
    if (!is_white) {
      folded += text.front();
    } else if (!folded.empty() && folded.back() != ' ') {
      folded += ' ';
    }
    text.remove_prefix(is_no_break ? no_break_space.size() : 1);
  }
  if (folded.ends_with(' ')) folded.pop_back();
  return folded;
}

}  // namespace daily_digest
