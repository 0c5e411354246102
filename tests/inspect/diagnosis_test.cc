// The rules of a diagnosis that are hard to bring about on a real database: clocks, slowness, limits.
#include "inspect/diagnosis.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;

constexpr time_point now{std::chrono::seconds(1'800'000'000)};

node_record node(const std::string& name, std::vector<node_queue> queues) {
  return {.node = {.name = name, .id = name + "-id"},
          .started_at = now - 1h,
          .beat_at = now - 1s,
          .expires_at = now + 9s,
          .queues = std::move(queues)};
}

health_reading well() {
  health_reading reading{.server = {.product = "PostgreSQL 15.8"}, .answered_in = 1ms, .now = now};
  reading.seen.nodes = {node("n1", {{"q", 10}})};
  return reading;
}

const finding* about(const diagnosis& seen, const std::string& check) {
  const auto found = std::ranges::find_if(
      seen.findings, [&](const finding& each) { return each.check == check && each.severity != severity::ok; });
  return found == seen.findings.end() ? nullptr : &*found;
}

due_jobs waiting(std::size_t count, microseconds since) {
  return {.queue = "q", .count = count, .since = now - since, .worker = "w"};
}

TEST(diagnosis, has_only_passed_checks_where_nothing_is_wrong) {
  const diagnosis seen = diagnose(well());
  EXPECT_TRUE(seen.is_healthy());
  for (const finding& each : seen.findings) EXPECT_EQ(each.severity, severity::ok) << each.summary;
  EXPECT_EQ(to_json(seen).at("healthy"), true);
}

TEST(diagnosis, knows_which_clock_is_ahead) {
  health_reading reading = well();
  reading.clock_offset = 90s;
  const diagnosis behind = diagnose(reading);
  EXPECT_EQ(about(behind, "clock_skew")->summary, "This machine's clock is 1 min behind the database server's.");
  reading.clock_offset = -3s;
  EXPECT_EQ(about(diagnose(reading), "clock_skew")->summary,
            "This machine's clock is 3 s ahead of the database server's.");
  reading.clock_offset = 800ms;
  EXPECT_EQ(about(diagnose(reading), "clock_skew"), nullptr);
}

TEST(diagnosis, tells_a_slow_database_and_one_that_cannot_be_written) {
  health_reading reading = well();
  reading.answered_in = 1500ms;
  reading.server.is_read_only = true;
  const diagnosis seen = diagnose(reading);
  EXPECT_EQ(about(seen, "database_slow")->severity, severity::warning);
  EXPECT_EQ(seen.findings.front().check, "database_read_only") << "the worst first";
}

TEST(diagnosis, tells_what_keeps_a_queue_from_getting_done) {
  health_reading reading = well();
  reading.seen.due = {waiting(3, 50s)};
  EXPECT_TRUE(diagnose(reading).is_healthy()) << "not for long enough";
  reading.seen.due = {waiting(3, 2min)};
  const diagnosis idle = diagnose(reading);
  EXPECT_EQ(
      about(idle, "queue_overloaded")->summary,
      "3 due jobs wait on queue \"q\", since 2 min, although 1 process works on it, and only 0 of their 10 slots are "
      "taken.");
  reading.seen.held = {{.queue = "q", .holder = {.name = "n1", .id = "n1-id"}, .count = 10, .since = now}};
  EXPECT_NE(about(diagnose(reading), "queue_overloaded")->summary.find("all their 10 slots are taken"),
            std::string::npos);
  reading.seen.nodes = {node("n1", {{"q", 10, 10}}), node("n2", {{"q", 10, 12}})};
  const diagnosis limited = diagnose(reading);
  EXPECT_NE(about(limited, "queue_overloaded")->summary.find("all together may execute 10"), std::string::npos);
  EXPECT_NE(about(limited, "queue_overloaded")->advice.find("More processes don't help"), std::string::npos);
}

TEST(diagnosis, believes_nodes_of_earlier_versions_that_they_may_work_on_anything) {
  health_reading reading = well();
  reading.seen.nodes = {node("old", {})};
  reading.seen.due = {waiting(1, 1s)};
  reading.seen.due.front().is_ours = true;
  EXPECT_TRUE(diagnose(reading).is_healthy());
}

TEST(diagnosis, leaves_executing_jobs_of_other_programs_to_them) {
  health_reading reading = well();
  reading.seen.held = {{.queue = "mailers", .holder = {.name = "elixir", .id = "elsewhere"}, .count = 2, .since = now}};
  EXPECT_EQ(about(diagnose(reading), "node_dead"), nullptr);
  reading.seen.held.front().is_ours = true;
  EXPECT_EQ(about(diagnose(reading), "node_dead")->severity, severity::error) << "a run's job, and nobody has it";
  reading.seen.held.front().queue = "q";
  EXPECT_EQ(about(diagnose(reading), "node_dead")->severity, severity::warning) << "n1 takes it over";
}

}  // namespace
}  // namespace squid_mesh::testing
