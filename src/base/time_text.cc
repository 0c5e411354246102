#include "base/time_text.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace squid_mesh::inline v1 {
namespace {

/// Writes `value` in decimal over `digits` characters of `text`, from `from` on.
void put(std::string& text, std::size_t from, std::size_t digits, unsigned value) {
  for (std::size_t i = from + digits; i > from; --i) {
    text[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

/// Reads exactly `digits` decimal digits at `from`.
std::optional<unsigned> number(std::string_view text, std::size_t from, std::size_t digits) {
  if (from + digits > text.size()) return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(from, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

/// A fraction `.1` to `.123456` in microseconds; nullopt where it is malformed.
std::optional<unsigned> fraction(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() != '.' || text.size() < 2 || text.size() > 7) return std::nullopt;
  auto value = number(text, 1, text.size() - 1);
  for (std::size_t digits = text.size() - 1; value && digits < 6; ++digits) *value *= 10;
  return value;
}

}  // namespace

std::string to_string(time_point at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const auto in_day = static_cast<std::uint64_t>((at - day).count());
  const auto seconds = static_cast<unsigned>(in_day / 1'000'000);
  std::string text = "0000-00-00T00:00:00.000000Z";
  put(text, 0, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put(text, 5, 2, static_cast<unsigned>(date.month()));
  put(text, 8, 2, static_cast<unsigned>(date.day()));
  put(text, 11, 2, seconds / 3600);
  put(text, 14, 2, seconds / 60 % 60);
  put(text, 17, 2, seconds % 60);
  put(text, 20, 6, static_cast<unsigned>(in_day % 1'000'000));
  return text;
}

std::optional<time_point> parse_time(std::string_view text) {
  using namespace std::chrono;
  if (!text.empty() && text.back() == 'Z') text.remove_suffix(1);
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != ' ') || text[13] != ':' ||
      text[16] != ':') {
    return std::nullopt;
  }
  const auto y = number(text, 0, 4);
  const auto mo = number(text, 5, 2);
  const auto d = number(text, 8, 2);
  const auto h = number(text, 11, 2);
  const auto mi = number(text, 14, 2);
  const auto s = number(text, 17, 2);
  const auto us = fraction(text.substr(19));
  if (!y || !mo || !d || !h || !mi || !s || !us || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
  const year_month_day date{year(static_cast<int>(*y)), month(*mo), day(*d)};
  if (!date.ok()) return std::nullopt;
  return sys_days(date) + hours(*h) + minutes(*mi) + seconds(*s) + microseconds(*us);
}

}  // namespace squid_mesh::inline v1
