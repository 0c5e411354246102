// Random expressions in random zones, against the naive cron.
#include "base/time_text.h"
#include "cron/naive_cron.h"
#include "cron/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

using std::chrono::minutes;
constexpr microseconds least(1);
constexpr std::int32_t minutes_of_day = 24 * 60;

std::int32_t minute_of(time_point at) { return static_cast<std::int32_t>(at.time_since_epoch() / minutes(1)); }

std::int32_t first_minute_of(std::string_view day) { return minute_of(*parse_time(std::string(day) + "T00:00:00Z")); }

time_point instant(std::int32_t minute) { return time_point(minutes(minute)); }

std::string text(std::optional<time_point> at) { return at ? to_string(*at) : "never"; }

class random_choice {
 public:
  explicit random_choice(std::uint64_t seed) : engine_(seed) {}

  int number(int from, int to) {
    return from + static_cast<int>(engine_() % static_cast<std::uint64_t>(to - from + 1));
  }

  template <class T>
  T one_of(const std::vector<T>& values) {
    return values[engine_() % values.size()];
  }

  std::string one_of(const std::vector<std::string>& texts) { return one_of<std::string>(texts); }

  /// An expression that isn't refused; much of it around the hours at which clocks change.
  std::string expression() {
    std::string made;
    do {
      made = one_of({"0", "30", "59", "*", "*/10", "*/7", "15,45", "3-20/4", "40/3", any(0, 59)});
      for (const std::string& field :
           {one_of(
                {"*", "*", "*/2", "*/5", "0", "1", "2", "2", "3", "0-3", "1/6", "23", "22-23,0", "0-23", any(0, 23)}),
            one_of({"*", "*", "*", "*/10", "*/2", "1", "31", "29", "1-7", "25/2", any(1, 31)}),
            one_of({"*", "*", "*", "*", "*/3", "2", "MAR,OCT", "SEP-DEC", "2-4", any(1, 12)}),
            one_of({"*", "*", "*", "*/2", "SUN", "7", "MON-FRI", "5-7", "SAT,0", any(0, 6)})}) {
        made.append(" ").append(field);
      }
    } while (!detail::parse_cron(made));
    return made;
  }

 private:
  std::string any(int from, int to) { return std::to_string(number(from, to)); }

  std::mt19937_64 engine_;
};

/// All fires from `from` on and before `to`, by asking for one after the other.
std::vector<std::int32_t> fires_between(const cron_schedule& tested, std::int32_t from, std::int32_t to) {
  std::vector<std::int32_t> fires;
  for (auto at = tested.next(instant(from) - least); at && *at < instant(to); at = tested.next(*at)) {
    fires.push_back(minute_of(*at));
    // One that doesn't come after the one before is a difference, not a loop.
    if (fires.size() > 1 && fires.back() <= fires[fires.size() - 2]) break;
  }
  return fires;
}

std::string first_few(const std::vector<std::int32_t>& fires, std::vector<std::int32_t>::const_iterator from) {
  std::string all;
  for (auto fire = from; fire != fires.end() && fire < from + 3; ++fire) all += text(instant(*fire)) + ' ';
  return all;
}

/// Compares the parts of two lists that follow the first difference.
void expect_same(const std::vector<std::int32_t>& fires, const std::vector<std::int32_t>& expected) {
  const auto [ours, theirs] = std::ranges::mismatch(fires, expected);
  EXPECT_EQ(first_few(fires, ours), first_few(expected, theirs));
}

/// Asks for the fires around an instant that may be anything.
void expect_around(const cron_schedule& tested, time_point at, const std::vector<std::int32_t>& expected) {
  const auto after = std::ranges::find_if(expected, [&](std::int32_t fire) { return instant(fire) > at; });
  if (after != expected.end()) {
    ASSERT_EQ(text(tested.next(at)), text(instant(*after))) << text(at);
  }
  const auto from = std::ranges::find_if(expected, [&](std::int32_t fire) { return instant(fire) >= at; });
  if (from != expected.begin()) {
    EXPECT_EQ(text(tested.previous(at)), text(instant(*(from - 1)))) << text(at);
  }
}

/// The minutes after `from` at which a clock is set.
std::vector<std::int32_t> changes_of(const std::vector<shown_minute>& clock, std::int32_t from) {
  std::vector<std::int32_t> changes;
  for (std::size_t i = 1; i < clock.size(); ++i) {
    if (clock[i].utc > from && clock[i].local != clock[i - 1].local + 1) changes.push_back(clock[i].utc);
  }
  return changes;
}

/// Compares `count` random expressions in a zone, over some days from one on.
void compare(random_choice& random, const std::string& zone, std::int32_t from, int days, int count) {
  const std::int32_t to = from + days * minutes_of_day;
  // The days before tell what the clock has shown already.
  const auto clock = read_clock(zone, from - 2 * minutes_of_day, to);
  const auto changes = changes_of(clock, from);
  for (int i = 0; i < count; ++i) {
    const std::string expression = random.expression();
    SCOPED_TRACE(testing::Message() << expression << " in " << zone << " from " << text(instant(from)));
    auto expected = naive_cron(expression).fires(clock);
    std::erase_if(expected, [&](std::int32_t fire) { return fire < from; });
    const cron_schedule tested = cron_schedule::make(*detail::parse_cron(expression), zone).value();
    expect_same(fires_between(tested, from, to), expected);
    for (int probe = 0; probe < 10 && !testing::Test::HasFailure(); ++probe) {
      const bool near = probe % 2 == 1 && !changes.empty();
      const std::int32_t minute = near ? random.one_of(changes) + random.number(-90, 90) : random.number(from, to - 1);
      expect_around(tested,
                    instant(std::max(minute, from)) + microseconds(random.number(0, 1) * random.number(0, 59'999'999)),
                    expected);
    }
    if (testing::Test::HasFailure()) return;
  }
}

const std::vector<std::string>& zones() {
  static const std::vector<std::string> all{
      "Etc/UTC",           "Europe/Berlin",    "Europe/London",       "Europe/Dublin",      "Europe/Istanbul",
      "America/New_York",  "America/St_Johns", "America/Sao_Paulo",   "America/Santiago",   "America/Havana",
      "America/Asuncion",  "America/Caracas",  "America/Nuuk",        "Asia/Beirut",        "Asia/Tehran",
      "Asia/Gaza",         "Asia/Amman",       "Asia/Kathmandu",      "Asia/Pyongyang",     "Asia/Kolkata",
      "Africa/Casablanca", "Africa/Cairo",     "Australia/Lord_Howe", "Australia/Sydney",   "Antarctica/Troll",
      "Antarctica/Casey",  "Pacific/Apia",     "Pacific/Chatham",     "Pacific/Kiritimati", "Pacific/Norfolk",
      "Pacific/Fakaofo"};
  return all;
}

TEST(schedules, are_the_naive_ones_in_any_season) {
  random_choice random(20260329);
  const std::int32_t first = first_minute_of("1995-01-01");
  const std::int32_t last = first_minute_of("2037-09-01");
  for (int i = 0; i < 30 && !HasFailure(); ++i) {
    compare(random, random.one_of(zones()), random.number(first, last), 100, 16);
  }
}

TEST(schedules, are_the_naive_ones_over_years) {
  random_choice random(1896);
  for (const std::string_view start : {"1995-01-01", "2007-06-01", "2033-01-01"}) {
    compare(random, random.one_of(zones()), first_minute_of(start), 3 * 366, 8);
  }
}

TEST(schedules, are_the_naive_ones_where_clocks_did_the_oddest_things) {
  random_choice random(20111230);
  struct change {
    std::string zone;
    std::string_view month;
  };
  // Days left out, changes at midnight, changes in a Ramadan, of half an hour, of a quarter, of two hours.
  for (const auto& [zone, month] : std::vector<change>{{"Pacific/Apia", "2011-12-10"},
                                                       {"Pacific/Fakaofo", "2011-12-10"},
                                                       {"Pacific/Kiritimati", "1994-12-10"},
                                                       {"America/Sao_Paulo", "2018-10-15"},
                                                       {"America/Sao_Paulo", "2018-02-01"},
                                                       {"Asia/Beirut", "2026-03-10"},
                                                       {"Asia/Beirut", "2026-10-10"},
                                                       {"America/Havana", "2026-02-20"},
                                                       {"Africa/Cairo", "2010-08-01"},
                                                       {"Africa/Casablanca", "2026-02-01"},
                                                       {"Australia/Lord_Howe", "2026-03-20"},
                                                       {"Australia/Lord_Howe", "2026-09-20"},
                                                       {"Asia/Pyongyang", "2018-04-20"},
                                                       {"America/Caracas", "2016-04-15"},
                                                       {"Antarctica/Troll", "2026-03-10"},
                                                       {"Antarctica/Casey", "2018-03-01"}}) {
    compare(random, zone, first_minute_of(month), 40, 40);
  }
}

}  // namespace
}  // namespace squid_mesh::inline v1
