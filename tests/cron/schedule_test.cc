#include "cron/schedule.h"

#include "base/time_text.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

constexpr microseconds least(1);

cron_schedule schedule(std::string_view text, std::string_view zone) {
  return cron_schedule::make(*detail::parse_cron(text), zone).value();
}

/// `2026-03-29T01:00Z`.
time_point at(std::string_view minute) { return *parse_time(std::string(minute.substr(0, 16)) + ":00Z"); }

std::string text(std::optional<time_point> at) { return at ? to_string(*at).substr(0, 16) + 'Z' : "never"; }

struct sequence {
  std::string_view what;
  std::string_view expression;
  std::string_view zone;
  std::string_view after;
  std::vector<std::string> fires;  ///< One after the other, in UTC.

  /// Names the test.
  friend void PrintTo(const sequence& printed, std::ostream* out) { *out << printed.what; }
};

class schedules : public testing::TestWithParam<sequence> {};

TEST_P(schedules, fire) {
  const auto& [what, expression, zone, after, fires] = GetParam();
  const cron_schedule tested = schedule(expression, zone);
  time_point from = at(after);
  for (const std::string& expected : fires) {
    const auto found = tested.next(from);
    ASSERT_EQ(text(found), expected) << what << ": " << expression << " in " << zone << " after " << text(from);
    from = *found;
  }
  for (std::size_t i = fires.size() - 1; i > 0; --i) {
    EXPECT_EQ(text(tested.previous(at(fires[i]))), fires[i - 1]) << what << ": " << expression << " in " << zone;
  }
}

using list = std::vector<std::string>;

INSTANTIATE_TEST_SUITE_P(
    on_days, schedules,
    testing::Values(sequence{"Noon", "0 12 * * *", "Etc/UTC", "2026-12-31T12:00",
                             list{"2027-01-01T12:00Z", "2027-01-02T12:00Z"}},
                    sequence{"An hour's end", "50/5 * * * *", "Etc/UTC", "2026-01-01T00:00",
                             list{"2026-01-01T00:50Z", "2026-01-01T00:55Z", "2026-01-01T01:50Z"}},
                    sequence{"Every 13th and every Friday", "0 9 13 * FRI", "Etc/UTC", "2026-11-07T00:00",
                             list{"2026-11-13T09:00Z", "2026-11-20T09:00Z", "2026-11-27T09:00Z", "2026-12-04T09:00Z",
                                  "2026-12-11T09:00Z", "2026-12-13T09:00Z"}},
                    sequence{"Fridays, as each day will do", "0 9 * * FRI", "Etc/UTC", "2026-11-07T00:00",
                             list{"2026-11-13T09:00Z", "2026-11-20T09:00Z"}},
                    sequence{"Odd days that are Mondays", "0 0 */2 * MON", "Etc/UTC", "2026-11-01T00:00",
                             list{"2026-11-09T00:00Z", "2026-11-23T00:00Z", "2026-12-07T00:00Z"}},
                    sequence{"The 31st of long months", "0 0 31 * *", "Etc/UTC", "2026-01-01T00:00",
                             list{"2026-01-31T00:00Z", "2026-03-31T00:00Z", "2026-05-31T00:00Z"}},
                    sequence{"The date is that of the zone", "0 8 1 * *", "Pacific/Kiritimati", "2026-01-15T00:00",
                             list{"2026-01-31T18:00Z", "2026-02-28T18:00Z"}},
                    sequence{"Leap days", "0 0 29 2 *", "Etc/UTC", "2026-01-01T00:00",
                             list{"2028-02-29T00:00Z", "2032-02-29T00:00Z"}},
                    sequence{"Leap days around a year that has none", "0 0 29 2 *", "Etc/UTC", "2093-01-01T00:00",
                             list{"2096-02-29T00:00Z", "2104-02-29T00:00Z"}},
                    sequence{"The longest pause", "0 0 29 2 */7", "Etc/UTC", "2050-01-01T00:00",
                             list{"2060-02-29T00:00Z", "2088-02-29T00:00Z", "2128-02-29T00:00Z"}}));

INSTANTIATE_TEST_SUITE_P(
    clocks_set_forward, schedules,
    testing::Values(
        // In Berlin 02:00 to 03:00 didn't exist on 2026-03-29; the gap is at 01:00 UTC.
        sequence{"A skipped time comes at the gap's end", "30 2 * * *", "Europe/Berlin", "2026-03-27T12:00",
                 list{"2026-03-28T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"}},
        sequence{"All skipped times together", "*/10 2 * * *", "Europe/Berlin", "2026-03-28T01:40",
                 list{"2026-03-28T01:50Z", "2026-03-29T01:00Z", "2026-03-30T00:00Z", "2026-03-30T00:10Z"}},
        sequence{"And together with the time that follows", "0 2,3 * * *", "Europe/Berlin", "2026-03-28T01:00",
                 list{"2026-03-28T02:00Z", "2026-03-29T01:00Z", "2026-03-30T00:00Z"}},
        sequence{"Times around", "59 1,3 * * *", "Europe/Berlin", "2026-03-29T00:00",
                 list{"2026-03-29T00:59Z", "2026-03-29T01:59Z", "2026-03-29T23:59Z"}},
        sequence{"An interval goes on", "*/20 * * * *", "Europe/Berlin", "2026-03-29T00:20",
                 list{"2026-03-29T00:40Z", "2026-03-29T01:00Z", "2026-03-29T01:20Z"}},
        sequence{"An interval has nothing beside it", "30 * * * *", "Europe/Berlin", "2026-03-29T00:00",
                 list{"2026-03-29T00:30Z", "2026-03-29T01:30Z", "2026-03-29T02:30Z"}},
        sequence{"Every other hour", "0 */2 * * *", "Europe/Berlin", "2026-03-28T22:30",
                 list{"2026-03-28T23:00Z", "2026-03-29T02:00Z", "2026-03-29T04:00Z"}},
        // 2026-03-08, at 07:00 UTC.
        sequence{"New York", "15 2 * * *", "America/New_York", "2026-03-07T00:00",
                 list{"2026-03-07T07:15Z", "2026-03-08T07:00Z", "2026-03-09T06:15Z"}},
        // 2026-10-04 from 02:00 to 02:30, at 15:30 UTC of the day before.
        sequence{"Half an hour", "15 2 * * *", "Australia/Lord_Howe", "2026-10-02T00:00",
                 list{"2026-10-02T15:45Z", "2026-10-03T15:30Z", "2026-10-04T15:15Z"}},
        sequence{"Half an hour, at its end", "30 2 * * *", "Australia/Lord_Howe", "2026-10-02T00:00",
                 list{"2026-10-02T16:00Z", "2026-10-03T15:30Z", "2026-10-04T15:30Z"}},
        sequence{"Half an hour of an interval", "0 * * * *", "Australia/Lord_Howe", "2026-10-03T14:00",
                 list{"2026-10-03T14:30Z", "2026-10-03T16:00Z", "2026-10-03T17:00Z"}},
        // 2011-12-30 from midnight to midnight, at 10:00 UTC.
        sequence{"A day", "0 9 * * *", "Pacific/Apia", "2011-12-29T00:00",
                 list{"2011-12-29T19:00Z", "2011-12-30T10:00Z", "2011-12-30T19:00Z"}},
        sequence{"A Friday", "0 9 * * FRI", "Pacific/Apia", "2011-12-24T00:00",
                 list{"2011-12-30T10:00Z", "2012-01-05T19:00Z"}},
        sequence{"A date", "0 9 30 12 *", "Pacific/Apia", "2011-01-01T00:00",
                 list{"2011-12-30T10:00Z", "2012-12-29T19:00Z"}},
        sequence{"A day of an interval", "0 */12 * * *", "Pacific/Apia", "2011-12-29T12:00",
                 list{"2011-12-29T22:00Z", "2011-12-30T10:00Z", "2011-12-30T22:00Z"}},
        // 1994-12-31 from midnight to midnight, at 10:00 UTC.
        sequence{"The last day of a year", "0 0 31 12 *", "Pacific/Kiritimati", "1994-01-01T00:00",
                 list{"1994-12-31T10:00Z", "1995-12-30T10:00Z"}},
        // 2018-11-04 and 2026-03-29 began at 01:00.
        sequence{"Midnight in Sao Paulo", "0 0 * * *", "America/Sao_Paulo", "2018-11-02T12:00",
                 list{"2018-11-03T03:00Z", "2018-11-04T03:00Z", "2018-11-05T02:00Z"}},
        sequence{"Midnight in Beirut", "0 0 * * SUN", "Asia/Beirut", "2026-03-22T12:00",
                 list{"2026-03-28T22:00Z", "2026-04-04T21:00Z"}}));

INSTANTIATE_TEST_SUITE_P(
    clocks_set_back, schedules,
    testing::Values(
        // In Berlin 02:00 to 03:00 came twice on 2026-10-25, at 00:00 and at 01:00 UTC.
        sequence{"The first time", "30 2 * * *", "Europe/Berlin", "2026-10-23T12:00",
                 list{"2026-10-24T00:30Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z"}},
        sequence{"Not the second, asked in between", "30 2 * * *", "Europe/Berlin", "2026-10-25T01:10",
                 list{"2026-10-26T01:30Z"}},
        sequence{"Times around", "0 2,3 * * *", "Europe/Berlin", "2026-10-24T12:00",
                 list{"2026-10-25T00:00Z", "2026-10-25T02:00Z", "2026-10-26T01:00Z"}},
        sequence{"Many times, once", "*/20 2 * * *", "Europe/Berlin", "2026-10-24T12:00",
                 list{"2026-10-25T00:00Z", "2026-10-25T00:20Z", "2026-10-25T00:40Z", "2026-10-26T01:00Z"}},
        sequence{"An interval goes on", "*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00",
                 list{"2026-10-25T00:30Z", "2026-10-25T01:00Z", "2026-10-25T01:30Z", "2026-10-25T02:00Z"}},
        sequence{"Every other hour", "0 */2 * * *", "Europe/Berlin", "2026-10-24T23:00",
                 list{"2026-10-25T00:00Z", "2026-10-25T01:00Z", "2026-10-25T03:00Z"}},
        // 2026-11-01, 01:00 to 02:00 at 05:00 and at 06:00 UTC.
        sequence{"New York", "15 1 * * *", "America/New_York", "2026-10-31T12:00",
                 list{"2026-11-01T05:15Z", "2026-11-02T06:15Z"}},
        // 2026-04-05, 01:30 to 02:00 at 14:30 and at 15:00 UTC of the day before.
        sequence{"Half an hour", "0,45 1 * * *", "Australia/Lord_Howe", "2026-04-03T20:00",
                 list{"2026-04-04T14:00Z", "2026-04-04T14:45Z", "2026-04-05T14:30Z"}},
        sequence{"Half an hour of an interval", "45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00",
                 list{"2026-04-04T14:45Z", "2026-04-04T15:15Z", "2026-04-04T16:15Z"}},
        // 2012-04-01, 03:00 to 04:00 at 13:00 and at 14:00 UTC of the day before.
        sequence{"Apia", "30 3 * * *", "Pacific/Apia", "2012-03-31T00:00",
                 list{"2012-03-31T13:30Z", "2012-04-01T14:30Z"}},
        // 2018-02-17, 23:00 to 24:00 at 01:00 and at 02:00 UTC of the day after.
        sequence{"Before midnight in Sao Paulo", "30 23 17 2 *", "America/Sao_Paulo", "2018-01-01T00:00",
                 list{"2018-02-18T01:30Z", "2019-02-18T02:30Z"}}));

TEST(schedule, fires_after_the_instant_and_not_at_it) {
  const cron_schedule tested = schedule("0 9 * * *", "Etc/UTC");
  const time_point fire = at("2026-11-22T09:00");
  EXPECT_EQ(tested.next(fire - least), fire);
  EXPECT_EQ(text(tested.next(fire)), "2026-11-23T09:00Z");
  EXPECT_EQ(text(tested.next(fire + least)), "2026-11-23T09:00Z");
  EXPECT_EQ(tested.previous(fire + least), fire);
  EXPECT_EQ(text(tested.previous(fire)), "2026-11-21T09:00Z");
  EXPECT_EQ(text(tested.previous(fire - least)), "2026-11-21T09:00Z");
}

TEST(schedule, of_no_times_never_fires) {
  const cron_schedule never = cron_schedule::make({}, "Europe/Berlin").value();
  EXPECT_EQ(text(never.next(at("2026-01-01T00:00"))), "never");
  EXPECT_EQ(text(never.previous(at("2026-01-01T00:00"))), "never");
  const detail::cron_expression no_date{
      .minutes = 1, .hours = 1, .days = 1U << 30U, .months = 1U << 2U, .any_hour = true};
  const cron_schedule no_day = cron_schedule::make(no_date, "Europe/Berlin").value();
  EXPECT_EQ(text(no_day.next(at("2026-01-01T00:00"))), "never");
}

TEST(schedule, of_an_unknown_zone_is_an_error) {
  const auto made = cron_schedule::make(*detail::parse_cron("@daily"), "Mars/Olympus");
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, errc::invalid_argument);
  EXPECT_NE(made.error().message.find("Mars/Olympus"), std::string::npos);
}

}  // namespace
}  // namespace squid_mesh::inline v1
