#include "cron/schedule.h"

#include "cron/zones.h"

#include <date/tz.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>

namespace squid_mesh::inline v1 {
namespace {

using namespace std::chrono_literals;
using detail::cron_expression;
using std::chrono::ceil;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::minutes;

/// What a zone's clock shows.
using local_point = std::chrono::local_time<microseconds>;
using local_minute = std::chrono::local_time<minutes>;

/// How far fires are looked for: the longest pause and a year.
constexpr days horizon(41 * 366);

// -- The calendar, without zones -------------------------------------------------------------------------------------

bool contains(std::uint64_t set, unsigned value) { return (set >> value & 1U) != 0; }

/// The first value of a set from `from` on; 64 where there is none.
unsigned first_from(std::uint64_t set, unsigned from) {
  return static_cast<unsigned>(std::countr_zero(set >> from << from));
}

bool fires_on(const cron_expression& e, local_days day) {
  const std::chrono::year_month_day date(day);
  const bool in_days = contains(e.days, static_cast<unsigned>(date.day()));
  const bool in_weekdays = contains(e.weekdays, std::chrono::weekday(day).c_encoding());
  return e.any_day || e.any_weekday ? in_days && in_weekdays : in_days || in_weekdays;
}

/// The first day of the schedule from `from` on and before `end`.
std::optional<local_days> next_day(const cron_expression& e, local_days from, local_point end) {
  local_days day = from;
  while (day < end) {
    const std::chrono::year_month_day date(day);
    if (!contains(e.months, static_cast<unsigned>(date.month()))) {
      day = local_days((date.year() / date.month() + std::chrono::months(1)) / 1);
    } else if (fires_on(e, day)) {
      return day;
    } else {
      day += days(1);
    }
  }
  return std::nullopt;
}

/// The first time of the schedule from `from` on, both counted from the beginning of a day of the schedule.
std::optional<minutes> next_in_day(const cron_expression& e, minutes from) {
  const auto from_hour = static_cast<unsigned>(from / 1h);
  unsigned hour = first_from(e.hours, from_hour);
  unsigned minute = first_from(e.minutes, hour == from_hour ? static_cast<unsigned>((from % 1h).count()) : 0);
  if (minute > 59) {
    hour = first_from(e.hours, from_hour + 1);
    minute = first_from(e.minutes, 0);
  }
  if (hour > 23 || minute > 59) return std::nullopt;
  return minutes(60 * hour + minute);
}

/// The first time of the schedule from `from` on and before `end`.
std::optional<local_minute> next_local(const cron_expression& e, local_minute from, local_point end) {
  for (auto day = next_day(e, floor<days>(from), end); day; day = next_day(e, *day + days(1), end)) {
    const auto in_day = next_in_day(e, std::max(from, local_minute(*day)) - *day);
    if (!in_day) continue;
    const local_minute found = *day + *in_day;
    return found < end ? std::optional(found) : std::nullopt;
  }
  return std::nullopt;
}

// -- The zone's clock ------------------------------------------------------------------------------------------------

local_point shown(time_point at, std::chrono::seconds offset) { return local_point((at + offset).time_since_epoch()); }

/// The latest time that the zone's clock has shown up to `at`. What it showed two days before is passed, as offsets
/// differ by 26 hours at most.
local_point latest_shown(const date::time_zone& zone, time_point at) {
  date::sys_info period = zone.get_info(at - days(2));
  local_point latest = shown(at - days(2), period.offset);
  while (period.end <= at) {
    latest = std::max(latest, shown(period.end - 1us, period.offset));
    period = zone.get_info(period.end);
  }
  return std::max(latest, shown(at, period.offset));
}

/// The first instant at which the zone's clock shows `local` or a later time.
time_point first_showing(const date::time_zone& zone, local_minute local) {
  const time_point at_offset_0(local.time_since_epoch());
  date::sys_info period = zone.get_info(at_offset_0 - days(1));
  while (shown(period.end, period.offset) <= local) period = zone.get_info(period.end);
  return std::max(time_point(period.begin), at_offset_0 - period.offset);
}

std::optional<time_point> next_time_of_day(const cron_expression& e, const date::time_zone& zone, time_point after) {
  const local_point done = latest_shown(zone, after);
  const auto local = next_local(e, floor<minutes>(done) + 1min, done + horizon);
  if (!local) return std::nullopt;
  return first_showing(zone, *local);
}

std::optional<time_point> next_of_interval(const cron_expression& e, const date::time_zone& zone, time_point after) {
  const time_point limit = after + horizon;
  // From one period between two changes of the clock to the next.
  for (time_point from = after + 1us; from < limit;) {
    const date::sys_info period = zone.get_info(from);
    const time_point end = std::min<time_point>(period.end, limit);
    const auto local = next_local(e, ceil<minutes>(shown(from, period.offset)), shown(end, period.offset));
    if (local) return time_point(local->time_since_epoch()) - period.offset;
    from = end;
  }
  return std::nullopt;
}

}  // namespace

result<cron_schedule> cron_schedule::make(const cron_expression& expression, std::string_view zone) {
  const auto found = find_zone(zone);
  if (!found) return std::unexpected(found.error());
  return cron_schedule(expression, **found);
}

std::optional<time_point> cron_schedule::next(time_point after) const {
  return expression_.any_hour ? next_of_interval(expression_, *zone_, after)
                              : next_time_of_day(expression_, *zone_, after);
}

std::optional<time_point> cron_schedule::previous(time_point before) const {
  const auto next_before = [&](time_point after) {
    const auto at = next(after);
    return at && *at < before ? at : std::nullopt;
  };
  std::optional<time_point> last;
  for (microseconds back = 1min; !last && back < 2 * horizon; back *= 2) last = next_before(before - back);
  // Halve what lies between the last one known and the end of those unknown, until nothing does.
  for (time_point end = before; last;) {
    const auto following = next_before(*last);
    if (!following) break;
    const time_point middle = *following + (end - *following) / 2;
    const auto later = next_before(middle);
    if (!later) end = middle;
    last = later ? later : following;
  }
  return last;
}

}  // namespace squid_mesh::inline v1
