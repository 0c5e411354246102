#include "published.h"

#include <date/date.h>

#include <chrono>
#include <optional>
#include <sstream>
#include <string>

namespace daily_digest {
namespace {

std::optional<date::sys_seconds> parse(const std::string& text, const char* format) {
  std::istringstream in(text);
  in.imbue(std::locale::classic());
  date::sys_time<std::chrono::microseconds> at;
  std::string zone;
  in >> date::parse(format, at, zone);
  // A zone's name other than Greenwich's would need a table that RFC 822 readers no longer agree on.
  const bool is_known_zone = zone.empty() || zone == "GMT" || zone == "UT" || zone == "UTC" || zone == "Z";
  if (in.fail() || !is_known_zone || in.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
  return date::floor<std::chrono::seconds>(at);
}

}  // namespace

std::string to_iso_utc(const std::string& text) {
  // Feeds get the day of the week wrong, and nobody needs it.
  const auto comma = text.find(", ");
  const std::string bare = comma == std::string::npos ? text : text.substr(comma + 2);
  for (const char* format : {"%d %b %Y %T %z", "%d %b %Y %T %Z", "%FT%T%Ez", "%FT%T%Z"}) {
    if (const auto at = parse(bare, format)) return date::format("%FT%TZ", *at);
  }
  return {};
}

}  // namespace daily_digest
