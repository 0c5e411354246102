#include "cron/naive_cron.h"

#include <cstdlib>
#include <ctime>
#include <sstream>
#include <stdexcept>
#include <unordered_set>

namespace squid_mesh::inline v1 {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

int number(const std::string& text) {
  const std::string weekdays = "SUNMONTUEWEDTHUFRISAT";
  const std::string months = "...JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
  if (const auto at = weekdays.find(text); at != std::string::npos && text.size() == 3) return static_cast<int>(at / 3);
  if (const auto at = months.find(text); at != std::string::npos && text.size() == 3) return static_cast<int>(at / 3);
  return std::stoi(text);
}

/// Whether a value is in one of the parts between a field's commas.
bool fits(const std::string& field, int value, int min, int max) {
  for (const std::string& part : split(field, ',')) {
    const auto halves = split(part, '/');
    const int step = halves.size() == 2 ? std::stoi(halves[1]) : 1;
    int first = min;
    int last = max;
    if (halves[0] != "*") {
      const auto ends = split(halves[0], '-');
      first = number(ends[0]);
      if (ends.size() == 2) {
        last = number(ends[1]);
      } else if (halves.size() == 1) {
        last = first;
      }
    }
    if (value >= first && value <= last && (value - first) % step == 0) return true;
  }
  return false;
}

std::array<std::uint8_t, 5> fields_of(const std::tm& time) {
  const auto small = [](int value) { return static_cast<std::uint8_t>(value); };
  return {small(time.tm_min), small(time.tm_hour), small(time.tm_mday), small(time.tm_mon + 1), small(time.tm_wday)};
}

}  // namespace

std::vector<shown_minute> read_clock(const std::string& zone, std::int32_t from, std::int32_t to) {
  // NOLINTBEGIN(concurrency-mt-unsafe): there is no other thread.
  setenv("TZ", (":" + zone).c_str(), 1);
  tzset();
  // NOLINTEND(concurrency-mt-unsafe)
  std::vector<shown_minute> clock;
  for (std::int32_t utc = from; utc < to; ++utc) {
    const std::time_t seconds = std::time_t{60} * utc;
    std::tm time{};
    localtime_r(&seconds, &time);
    if (time.tm_sec != 0) throw std::logic_error(zone + " shows no whole minutes");
    clock.push_back({utc, static_cast<std::int32_t>(utc + time.tm_gmtoff / 60), fields_of(time)});
  }
  return clock;
}

naive_cron::naive_cron(const std::string& text) {
  constexpr std::array<std::array<int, 2>, 5> ranges{{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}}};
  const auto fields = split(text, ' ');
  for (std::size_t i = 0; i < 5; ++i) {
    for (int value = ranges[i][0]; value <= ranges[i][1]; ++value) {
      values_[i][static_cast<std::size_t>(value)] = fits(fields[i], value, ranges[i][0], ranges[i][1]);
    }
  }
  // Sunday's other number.
  if (fits(fields[4], 7, 0, 6)) values_[4].set(0);
  interval_ = fields[1][0] == '*';
  both_days_ = fields[2][0] == '*' || fields[4][0] == '*';
}

bool naive_cron::matches(const std::array<std::uint8_t, 5>& fields) const {
  const auto in = [&](std::size_t field) { return values_[field][fields[field]]; };
  return in(0) && in(1) && in(3) && (both_days_ ? in(2) && in(4) : in(2) || in(4));
}

bool naive_cron::matches_any(std::int32_t first_local, std::int32_t last_local) const {
  for (std::int32_t local = first_local; local <= last_local; ++local) {
    const std::time_t seconds = std::time_t{60} * local;
    std::tm time{};
    gmtime_r(&seconds, &time);
    if (matches(fields_of(time))) return true;
  }
  return false;
}

std::vector<std::int32_t> naive_cron::fires(const std::vector<shown_minute>& clock) const {
  std::vector<std::int32_t> fires;
  std::unordered_set<std::int32_t> repeated;
  for (std::size_t i = 0; i < clock.size(); ++i) {
    const auto& [utc, local, fields] = clock[i];
    const std::int32_t before = i > 0 ? clock[i - 1].local : local - 1;
    // Set back: what was shown comes once more.
    for (std::int32_t again = local; again <= before; ++again) repeated.insert(again);
    if (interval_) {
      if (matches(fields)) fires.push_back(utc);
    } else if (!repeated.contains(local)) {
      // Set forward: what was skipped comes now.
      if (matches(fields) || matches_any(before + 1, local - 1)) fires.push_back(utc);
    }
  }
  return fires;
}

}  // namespace squid_mesh::inline v1
