#include "base/time_text.h"
#include "cron/zones.h"

#include <squid_mesh/detail/cron_expression.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace squid_mesh::inline v1 {
namespace {

using detail::cron_expression;
using detail::parse_cron;

constexpr std::uint64_t set_of(std::initializer_list<unsigned> values) {
  std::uint64_t set = 0;
  for (const unsigned value : values) set |= std::uint64_t{1} << value;
  return set;
}

constexpr std::uint64_t from_to(unsigned first, unsigned last) {
  std::uint64_t set = 0;
  for (unsigned value = first; value <= last; ++value) set |= std::uint64_t{1} << value;
  return set;
}

constexpr std::uint64_t all_days = from_to(1, 31);
constexpr std::uint64_t all_months = from_to(1, 12);
constexpr std::uint64_t all_weekdays = from_to(0, 6);

// The parser is the same for the compiler.
static_assert(parse_cron("0 9 * * 1-5")->weekdays == set_of({1, 2, 3, 4, 5}));
static_assert(!parse_cron("0 9 * *").has_value());

struct accepted {
  std::string_view text;
  cron_expression meaning;
};

class cron_accepts : public testing::TestWithParam<accepted> {};

TEST_P(cron_accepts, text) {
  const auto parsed = parse_cron(GetParam().text);
  ASSERT_TRUE(parsed.has_value()) << GetParam().text << ": " << parsed.error().field << ' ' << parsed.error().reason;
  EXPECT_EQ(*parsed, GetParam().meaning) << GetParam().text;
}

constexpr cron_expression at(std::uint64_t minutes, std::uint64_t hours, std::uint64_t days, std::uint64_t months,
                             std::uint64_t weekdays, bool any_day, bool any_weekday) {
  return {minutes, hours, days, months, weekdays, false, any_day, any_weekday};
}

/// Every day of the year, at these times.
constexpr cron_expression daily_at(std::uint64_t minutes, std::uint64_t hours) {
  return at(minutes, hours, all_days, all_months, all_weekdays, true, true);
}

/// Every day of the year, at these minutes of an interval of hours.
constexpr cron_expression every_hour_of(std::uint64_t hours, std::uint64_t minutes) {
  cron_expression e = daily_at(minutes, hours);
  e.any_hour = true;
  return e;
}

/// At midnight of these weekdays.
constexpr cron_expression weekly_on(std::uint64_t weekdays, bool any_weekday = false) {
  return at(1, 1, all_days, all_months, weekdays, true, any_weekday);
}

INSTANTIATE_TEST_SUITE_P(
    expressions, cron_accepts,
    testing::Values(
        accepted{"* * * * *", every_hour_of(from_to(0, 23), from_to(0, 59))},
        accepted{"0 */6 * * *", every_hour_of(set_of({0, 6, 12, 18}), 1)},
        accepted{"0 0-23 * * *", daily_at(1, from_to(0, 23))}, accepted{"0 9 * * *", daily_at(1, set_of({9}))},
        accepted{" \t0   9\t* * *  ", daily_at(1, set_of({9}))}, accepted{"00 09 * * *", daily_at(1, set_of({9}))},
        accepted{"0,15,30-32 0 * * *", daily_at(set_of({0, 15, 30, 31, 32}), 1)},
        accepted{"*/20 0 * * *", daily_at(set_of({0, 20, 40}), 1)}, accepted{"*/60 0 * * *", daily_at(1, 1)},
        accepted{"50/4 0 * * *", daily_at(set_of({50, 54, 58}), 1)},
        accepted{"10-20/5 0 * * *", daily_at(set_of({10, 15, 20}), 1)},
        accepted{"59 23 * * *", daily_at(set_of({59}), set_of({23}))},
        accepted{"0 0 1,15 2-4 *", at(1, 1, set_of({1, 15}), set_of({2, 3, 4}), all_weekdays, false, true)},
        accepted{"0 0 */10 * *", at(1, 1, set_of({1, 11, 21, 31}), all_months, all_weekdays, true, true)},
        accepted{"0 0 29 feb *", at(1, 1, set_of({29}), set_of({2}), all_weekdays, false, true)},
        accepted{"0 0 1 Jan-MAR,dec *", at(1, 1, set_of({1}), set_of({1, 2, 3, 12}), all_weekdays, false, true)},
        accepted{"0 0 * * MON-fri", weekly_on(from_to(1, 5))}, accepted{"0 0 * * 0", weekly_on(1)},
        accepted{"0 0 * * 7", weekly_on(1)}, accepted{"0 0 * * 7/2", weekly_on(1)},
        accepted{"0 0 * * 5-7", weekly_on(set_of({0, 5, 6}))},
        accepted{"0 0 * * FRI-SUN", weekly_on(set_of({0, 5, 6}))},
        accepted{"0 0 * * 1/2", weekly_on(set_of({1, 3, 5}))},
        accepted{"0 0 * * */2", weekly_on(set_of({0, 2, 4, 6}), true)},
        // Where both day fields are given, the weekday can come although the date never does.
        accepted{"0 0 30 2 MON", at(1, 1, set_of({30}), set_of({2}), set_of({1}), false, false)},
        accepted{"@hourly", every_hour_of(from_to(0, 23), 1)}, accepted{"@daily", daily_at(1, 1)},
        accepted{"@midnight", daily_at(1, 1)}, accepted{"@weekly", weekly_on(1)},
        accepted{"@monthly", at(1, 1, set_of({1}), all_months, all_weekdays, false, true)},
        accepted{"@yearly", at(1, 1, set_of({1}), set_of({1}), all_weekdays, false, true)},
        accepted{" @Annually ", at(1, 1, set_of({1}), set_of({1}), all_weekdays, false, true)}));

struct rejected {
  std::string_view text;
  std::string_view field;
  std::string_view reason;
};

class cron_rejects : public testing::TestWithParam<rejected> {};

TEST_P(cron_rejects, text) {
  const auto parsed = parse_cron(GetParam().text);
  ASSERT_FALSE(parsed.has_value()) << GetParam().text;
  EXPECT_EQ(parsed.error().field, GetParam().field) << GetParam().text;
  EXPECT_EQ(parsed.error().reason, GetParam().reason) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    expressions, cron_rejects,
    testing::Values(rejected{"", "minute", "the field is missing"}, rejected{"   ", "minute", "the field is missing"},
                    rejected{"0 9 * *", "weekday", "the field is missing"},
                    rejected{"0 9 * * * *", "", "there are more than five fields"},
                    rejected{"60 * * * *", "minute", "a value is out of range"},
                    rejected{"* 24 * * *", "hour", "a value is out of range"},
                    rejected{"* * 0 * *", "day", "a value is out of range"},
                    rejected{"* * 32 * *", "day", "a value is out of range"},
                    rejected{"* * * 0 *", "month", "a value is out of range"},
                    rejected{"* * * 13 *", "month", "a value is out of range"},
                    rejected{"* * * * 8", "weekday", "a value is out of range"},
                    rejected{"99999999999999999999 * * * *", "minute", "a value is out of range"},
                    rejected{"-1 * * * *", "minute", "a number is missing"},
                    rejected{"1- * * * *", "minute", "a number is missing"},
                    rejected{"*/ * * * *", "minute", "a number is missing"},
                    rejected{"*/0 * * * *", "minute", "a step must be at least 1"},
                    rejected{"*/61 * * * *", "minute", "a step is longer than the field's range"},
                    rejected{"*/5/5 * * * *", "minute", "a value is neither a number nor a known name"},
                    rejected{"1-2-3 * * * *", "minute", "a value is neither a number nor a known name"},
                    rejected{"30-10 * * * *", "minute", "a range ends before it begins"},
                    rejected{"* * * * SAT-FRI", "weekday", "a range ends before it begins"},
                    rejected{"1, * * * *", "minute", "a value is missing"},
                    rejected{",1 * * * *", "minute", "a value is missing"},
                    rejected{"** * * * *", "minute", "a value is neither a number nor a known name"},
                    rejected{"+5 * * * *", "minute", "a value is neither a number nor a known name"},
                    rejected{"1.5 * * * *", "minute", "a value is neither a number nor a known name"},
                    rejected{"MON * * * *", "minute", "a value is neither a number nor a known name"},
                    rejected{"* * * JANUARY *", "month", "a value is neither a number nor a known name"},
                    rejected{"0 0 30 2 *", "day", "no month has such a day"},
                    rejected{"0 0 31 4,6,9,11 *", "day", "no month has such a day"},
                    rejected{"@reboot", "", "the nickname is unknown"}, rejected{"@", "", "the nickname is unknown"},
                    rejected{"@daily 5", "", "a nickname stands alone"},
                    rejected{std::string_view("0 9 * * \0", 9), "weekday",
                             "a value is neither a number nor a known name"}));

std::string date(std::string_view instant, std::string_view zone) {
  const auto found = date_in_zone(*parse_time(instant), zone);
  return found ? *found : to_string(found.error());
}

TEST(zones, exist_by_their_iana_names) {
  for (const std::string_view zone : {"Etc/UTC", "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"}) {
    EXPECT_TRUE(zone_exists(zone)) << zone;
  }
  for (const std::string_view zone : {"", "Mars/Olympus", "europe/berlin", "../../etc/passwd", "Europe", " Etc/UTC"}) {
    EXPECT_FALSE(zone_exists(zone)) << zone;
  }
}

TEST(zones, date_is_that_of_the_zone) {
  EXPECT_EQ(date("2026-11-22T09:00:00Z", "Etc/UTC"), "2026-11-22");
  // On both sides of the date line at the same instant.
  EXPECT_EQ(date("2026-11-22T10:30:00Z", "Pacific/Kiritimati"), "2026-11-23");
  EXPECT_EQ(date("2026-11-22T10:30:00Z", "Pacific/Pago_Pago"), "2026-11-21");
  // An offset that is no whole number of hours.
  EXPECT_EQ(date("2026-11-22T18:14:59Z", "Asia/Kathmandu"), "2026-11-22");
  EXPECT_EQ(date("2026-11-22T18:15:00Z", "Asia/Kathmandu"), "2026-11-23");
}

TEST(zones, date_follows_daylight_saving_time) {
  // Berlin's midnight is 23:00 UTC in winter and 22:00 UTC in summer.
  EXPECT_EQ(date("2026-01-14T22:59:59.999999Z", "Europe/Berlin"), "2026-01-14");
  EXPECT_EQ(date("2026-01-14T23:00:00Z", "Europe/Berlin"), "2026-01-15");
  EXPECT_EQ(date("2026-07-14T21:59:59.999999Z", "Europe/Berlin"), "2026-07-14");
  EXPECT_EQ(date("2026-07-14T22:00:00Z", "Europe/Berlin"), "2026-07-15");
  // In Santiago clocks go from 24:00 to 01:00: that day has no midnight.
  EXPECT_EQ(date("2026-09-06T03:59:59Z", "America/Santiago"), "2026-09-05");
  EXPECT_EQ(date("2026-09-06T04:00:00Z", "America/Santiago"), "2026-09-06");
}

TEST(zones, an_unknown_zone_is_an_error) {
  const auto found = date_in_zone(time_point{}, "Mars/Olympus");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, errc::invalid_argument);
  EXPECT_NE(found.error().message.find("Mars/Olympus"), std::string::npos);
}

}  // namespace
}  // namespace squid_mesh::inline v1
