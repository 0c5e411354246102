// Durations, instants and tables, as the command line says them.
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/words.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace squid_mesh::cli {
namespace {

using namespace std::chrono_literals;

constexpr time_point noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + 12h;

TEST(words, say_durations_in_their_two_largest_units) {
  EXPECT_EQ(duration_text(0us), "0 ms");
  EXPECT_EQ(duration_text(850ms), "850 ms");
  EXPECT_EQ(duration_text(12s + 300ms), "12 s");
  EXPECT_EQ(duration_text(3min + 5s), "3 min 5 s");
  EXPECT_EQ(duration_text(2h), "2 h");
  EXPECT_EQ(duration_text(24h), "1 day");
  EXPECT_EQ(duration_text(75h + 59min), "3 days 3 h");
  EXPECT_EQ(duration_text(-3s), "-3 s");
}

TEST(words, say_how_far_a_time_is) {
  EXPECT_EQ(distance_text(noon, noon + 90s), "1 min 30 s ago");
  EXPECT_EQ(distance_text(noon + 2h, noon), "in 2 h");
  EXPECT_EQ(distance_text(noon, noon + 10ms), "now");
}

TEST(words, read_durations) {
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("2d"), 48h);
  for (const char* const wrong : {"", "5", "h", "-3s", "3 s", "5x", "99999999999d"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
}

TEST(words, read_and_say_instants) {
  EXPECT_EQ(instant_text(noon + 5s, true), "2026-11-25 12:00:05Z");
  EXPECT_EQ(parse_instant("2026-11-25T12:00:05Z", false), noon + 5s);
  EXPECT_EQ(parse_instant("2026-11-25 12:00", true), noon);
  EXPECT_EQ(parse_instant("2026-11-25", true), noon - 12h);
  EXPECT_EQ(parse_instant(to_string(noon + 1234us), false), noon + 1234us);
  EXPECT_EQ(parse_instant(instant_text(noon, false), false), noon) << "in the machine's time zone";
  for (const char* const wrong : {"", "now", "2026-13-01", "2026-02-30", "2026-11-25T25:00", "2026-11-25T12:00x"}) {
    EXPECT_FALSE(parse_instant(wrong, true)) << wrong;
  }
}

TEST(words, say_lists) {
  EXPECT_EQ(list_text({}), "");
  EXPECT_EQ(list_text({"a"}), "a");
  EXPECT_EQ(list_text({"a", "b", "c"}), "a, b and c");
  EXPECT_EQ(count_text(1, "run"), "1 run");
  EXPECT_EQ(count_text(0, "run"), "0 runs");
}

std::string printed(const terminal& on) {
  table rows({"NAME", "WHAT"}, 1);
  rows.add({{"a"}, {"a rather long text"}});
  rows.add({{"bé"}, {"short", colour::green}});
  std::ostringstream out;
  rows.print(out, on);
  return out.str();
}

TEST(tables, are_as_wide_as_they_need_to_be) {
  EXPECT_EQ(printed({}), "NAME  WHAT\na     a rather long text\nbé    short\n");
}

TEST(tables, fit_the_terminal) {
  EXPECT_EQ(printed({.width = 16}), "NAME  WHAT\na     a rather …\nbé    short\n");
  EXPECT_EQ(printed({.width = 3}), "NAME  WHAT\na     a rathe…\nbé    short\n") << "something is to be seen";
}

TEST(tables, have_colours_where_they_are_seen) {
  EXPECT_NE(printed({.has_colours = true}).find("\x1b[32mshort\x1b[0m"), std::string::npos);
  EXPECT_EQ(printed({}).find('\x1b'), std::string::npos);
}

TEST(a_progress_line, is_overwritten_and_gone_at_the_end) {
  std::ostringstream out;
  {
    progress line(out, {.progress_width = 80}, "Cancelling", 4, 0ms);
    EXPECT_EQ(out.str(), "\r\x1b[KCancelling 0 of 4 (0%)");
    line.set(3);
    EXPECT_TRUE(out.str().ends_with("\r\x1b[KCancelling 3 of 4 (75%)"));
    line.hide();
    EXPECT_TRUE(out.str().ends_with("\r\x1b[K"));
    const std::string hidden = out.str();
    line.hide();
    EXPECT_EQ(out.str(), hidden);
    line.set(4);
  }
  EXPECT_TRUE(out.str().ends_with("Cancelling 4 of 4 (100%)\r\x1b[K"));
}

TEST(a_progress_line, fits_its_terminal_and_is_not_drawn_too_often) {
  std::ostringstream out;
  progress line(out, {.progress_width = 10}, "Deleting runs:", 0, 1h);
  EXPECT_EQ(out.str(), "\r\x1b[KDeleting…");
  line.set(3);
  EXPECT_EQ(out.str(), "\r\x1b[KDeleting…");
}

TEST(a_progress_line, is_for_terminals_alone) {
  std::ostringstream out;
  {
    progress line(out, {}, "Cancelling", 4, 0ms);
    line.set(2);
  }
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace squid_mesh::cli
