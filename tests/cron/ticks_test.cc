#include "cron/ticks.h"

#include "base/time_text.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

using namespace std::chrono_literals;

time_point at(std::string_view text) { return *parse_time(text); }

cron_schedule schedule(std::string_view text, std::string_view zone = "Etc/UTC") {
  return cron_schedule::make(*detail::parse_cron(text), zone).value();
}

/// A time of 2026-11-22, in UTC.
time_point on_the_day(std::string_view time) { return at("2026-11-22T" + std::string(time) + "Z"); }

std::string short_text(time_point at) { return to_string(at).substr(5, 11); }

/// A plan as text: the windows, and the next tick after `|`.
std::string text(const tick_plan& plan) {
  std::string all;
  for (const tick& fired : plan.fire) all += short_text(fired.window_start) + ".." + short_text(fired.at) + ' ';
  return all + "| " + (plan.next ? short_text(*plan.next) : "never");
}

std::string hourly(std::string_view due, std::string_view now, missed_ticks policy, std::size_t limit = 3) {
  return text(plan_ticks(schedule("@hourly"), on_the_day(due), on_the_day(now), policy, limit));
}

constexpr std::string_view nothing_until_nine = "| 11-22T09:00";
constexpr std::string_view nine = "11-22T08:00..11-22T09:00 | 11-22T10:00";

TEST(ticks, fire_when_they_are_due) {
  for (const missed_ticks policy : {missed_ticks::skip, missed_ticks::run_once, missed_ticks::run_all}) {
    EXPECT_EQ(hourly("09:00:00", "08:59:59.999999", policy), nothing_until_nine);
    EXPECT_EQ(hourly("09:00:00", "09:00:00", policy), nine);
    EXPECT_EQ(hourly("09:00:00", "09:00:59.999999", policy), nine);
  }
}

TEST(ticks, that_are_late_fire_but_where_they_are_skipped) {
  EXPECT_EQ(hourly("09:00:00", "09:01:00", missed_ticks::skip), "| 11-22T10:00");
  EXPECT_EQ(hourly("09:00:00", "09:59:59", missed_ticks::run_once), nine);
  EXPECT_EQ(hourly("09:00:00", "09:59:59", missed_ticks::run_all), nine);
}

TEST(ticks, that_were_missed_follow_the_policy) {
  EXPECT_EQ(hourly("05:00:00", "09:30:00", missed_ticks::skip), "| 11-22T10:00");
  EXPECT_EQ(hourly("05:00:00", "09:00:30", missed_ticks::skip), nine);
  EXPECT_EQ(hourly("05:00:00", "09:30:00", missed_ticks::run_once), nine);
  EXPECT_EQ(hourly("05:00:00", "09:30:00", missed_ticks::run_all, 2),
            "11-22T07:00..11-22T08:00 11-22T08:00..11-22T09:00 | 11-22T10:00");
  EXPECT_EQ(hourly("08:00:00", "09:30:00", missed_ticks::run_all, 100),
            "11-22T07:00..11-22T08:00 11-22T08:00..11-22T09:00 | 11-22T10:00");
  EXPECT_EQ(hourly("08:00:00", "09:30:00", missed_ticks::run_all, 0), "| 11-22T10:00");
}

TEST(ticks, of_each_minute_lose_none_on_the_way) {
  const cron_schedule minutely = schedule("* * * * *");
  time_point due = on_the_day("09:00:00");
  std::vector<time_point> fired;
  for (time_point now = due; now < on_the_day("09:10:00"); now += 700ms) {
    const tick_plan plan = plan_ticks(minutely, due, now, missed_ticks::skip, 0);
    for (const tick& each : plan.fire) fired.push_back(each.at);
    due = *plan.next;
  }
  ASSERT_EQ(fired.size(), 10);
  for (std::size_t i = 0; i < fired.size(); ++i) EXPECT_EQ(fired[i], on_the_day("09:00:00") + i * 1min);
}

TEST(ticks, windows_follow_each_other_where_the_clock_changes) {
  // Berlin's clock went from 02:00 to 03:00 at 01:00 UTC of the 29th.
  const auto plan = plan_ticks(schedule("30 2 * * *", "Europe/Berlin"), at("2026-03-28T01:30:00Z"),
                               at("2026-03-30T12:00:00Z"), missed_ticks::run_all, 10);
  EXPECT_EQ(text(plan), "03-27T01:30..03-28T01:30 03-28T01:30..03-29T01:00 03-29T01:00..03-30T00:30 | 03-31T00:30");
}

TEST(ticks, dont_come_again_when_the_clock_is_set_back) {
  EXPECT_EQ(hourly("10:00:00", "07:30:00", missed_ticks::run_all), "| 11-22T10:00");
}

TEST(ticks, follow_a_schedule_that_changed) {
  // The old one was due at half past.
  EXPECT_EQ(hourly("08:30:00", "08:45:00", missed_ticks::run_once), nothing_until_nine);
  EXPECT_EQ(hourly("08:30:00", "09:10:00", missed_ticks::run_once), nine);
}

TEST(ticks, of_years_are_planned_at_once) {
  const auto plan =
      plan_ticks(schedule("* * * * *"), at("1996-01-01T00:00:00Z"), on_the_day("09:00:00"), missed_ticks::run_all, 2);
  EXPECT_EQ(text(plan), "11-22T08:58..11-22T08:59 11-22T08:59..11-22T09:00 | 11-22T09:01");
}

}  // namespace
}  // namespace squid_mesh::inline v1
