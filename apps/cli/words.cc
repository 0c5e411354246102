#include "words.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <ctime>
#include <utility>

namespace squid_mesh::cli {
namespace {

using namespace std::chrono_literals;

struct unit {
  microseconds length;
  const char* name;
};
constexpr std::array<unit, 5> units{{{24h, "days"}, {1h, "h"}, {1min, "min"}, {1s, "s"}, {1ms, "ms"}}};

std::string unit_text(std::int64_t count, const unit& of) {
  const bool is_one_day = count == 1 && of.length == 24h;
  return fmt::format("{} {}", count, is_one_day ? "day" : of.name);
}

/// The digits of a number of this width at the beginning of the text, which is shortened by them.
std::optional<int> take_number(std::string_view& text, std::size_t width) {
  int value = 0;
  if (text.size() < width) return std::nullopt;
  const char* const end = text.data() + width;
  const auto [rest, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc() || rest != end || value < 0) return std::nullopt;
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

/// The time of a day, which may be left out from the seconds on, or altogether.
std::optional<microseconds> take_time(std::string_view& text) {
  if (!take(text, "T") && !take(text, " ")) return 0us;
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  microseconds time = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  if (!take(text, ":")) return time;
  const auto seconds = take_number(text, 2);
  if (!seconds || *seconds > 59) return std::nullopt;
  time += std::chrono::seconds(*seconds);
  if (!take(text, ".")) return time;
  microseconds digit = 100ms;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1)) {
    time += digit * (text.front() - '0');
    digit /= 10;
  }
  return time;
}

time_point from_local(std::chrono::year_month_day day, microseconds time) {
  std::tm parts{};
  parts.tm_year = static_cast<int>(day.year()) - 1900;
  parts.tm_mon = static_cast<int>(static_cast<unsigned>(day.month())) - 1;
  parts.tm_mday = static_cast<int>(static_cast<unsigned>(day.day()));
  parts.tm_sec = static_cast<int>(time / 1s);
  parts.tm_isdst = -1;
  return time_point(std::chrono::seconds(std::mktime(&parts))) + time % 1s;
}

}  // namespace

std::string duration_text(microseconds length) {
  if (length < 0us) return "-" + duration_text(-length);
  if (length < 1ms) return "0 ms";
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (length < units[i].length) continue;
    std::string text = unit_text(length / units[i].length, units[i]);
    // Milliseconds say nothing beside larger units.
    if (i + 2 >= units.size()) return text;
    const std::int64_t rest = (length % units[i].length) / units[i + 1].length;
    return rest == 0 ? text : text + " " + unit_text(rest, units[i + 1]);
  }
  return "0 ms";
}

std::string distance_text(time_point at, time_point now) {
  const microseconds apart = std::chrono::abs(at - now);
  if (apart < 1s) return "now";
  return at > now ? "in " + duration_text(apart) : duration_text(apart) + " ago";
}

std::string instant_text(time_point at, bool utc) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm parts{};
  utc ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}{}", parts, utc ? "Z" : "");
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, milliseconds>, 5> names{
      {{"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}, {"d", 24h}}};
  if (text.empty()) return std::nullopt;
  milliseconds whole{0};
  while (!text.empty()) {
    std::int64_t count = 0;
    const auto [rest, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (problem != std::errc() || count < 0 || count > 10'000'000) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    const std::size_t before = text.size();
    for (const auto& [name, length] : names) {
      const bool is_it = text.starts_with(name) && !(name == "m" && text.starts_with("ms"));
      if (!is_it) continue;
      whole += length * count;
      text.remove_prefix(name.size());
      break;
    }
    if (text.size() == before) return std::nullopt;
  }
  return whole;
}

std::optional<time_point> parse_instant(std::string_view text, bool utc) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto of_month = take_number(text, 2);
  if (!of_month) return std::nullopt;
  const std::chrono::year_month_day day{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                        std::chrono::day(static_cast<unsigned>(*of_month))};
  const auto time = take_time(text);
  const bool is_utc = take(text, "Z") || utc;
  if (!day.ok() || !time || !text.empty()) return std::nullopt;
  return is_utc ? time_point(std::chrono::sys_days(day)) + *time : from_local(day, *time);
}

std::string list_text(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

std::string count_text(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace squid_mesh::cli
