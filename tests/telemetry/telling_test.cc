// What commits tell, from decisions alone: also what no test can make happen in a living process.
#include "telemetry/telling.h"

#include "progress/driven_run.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::testing {
namespace {

delivery held() {
  return {.job = {.value = 7}, .attempt = 1, .holder = "h", .queue = "q", .worker = "w", .since = start_of_time};
}

std::vector<telemetry_event> told_by(const driven_run& run, const decision& made, const commit_outcome& outcome) {
  commit whole;
  add_to(whole, run.state, made, held());
  return events_of(whole, outcome, run.now);
}
std::vector<telemetry_event> told_by(const driven_run& run, const decision& made) {
  return told_by(run, made, {.applied = true});
}

std::vector<std::string> names(const std::vector<telemetry_event>& events) {
  std::vector<std::string> all;
  for (const telemetry_event& each : events) {
    all.push_back(std::string(to_string(each.kind)) + (each.step.empty() ? "" : " " + each.step));
  }
  return all;
}

constexpr const char* two_steps = R"([{"name": "a", "kind": "action", "retry": {"max_attempts": 2}},
                                      {"name": "b", "kind": "action"}])";
constexpr const char* in_turn =
    R"([{"from": "a", "on": "ok", "to": "b"}, {"from": "b", "on": "ok", "to": "complete"}])";

TEST(events_of, a_lost_attempt_names_the_process_that_died_and_when_it_runs_again) {
  driven_run run(read_workflow(two_steps, in_turn));
  run.deliver();
  run.now += std::chrono::seconds(3);
  const auto told = told_by(run, run.on(event::worker_died{.branch = 0, .node = "dead", .since = start_of_time}));
  ASSERT_EQ(names(told), (texts{"step.lost a", "run.transition", "job.acknowledged"}))
      << "that it runs was only implied by its job";
  EXPECT_EQ(told[0].node, "dead");
  EXPECT_EQ(told[0].attempt, 1);
  EXPECT_EQ(told[0].error_kind, "lost");
  EXPECT_EQ(told[0].duration, microseconds(std::chrono::seconds(3)));
  EXPECT_EQ(told[0].retry_at, run.now);
  run.deliver();
  const auto second = told_by(run, run.on(event::worker_died{.branch = 0, .node = "dead", .since = run.now}));
  ASSERT_EQ(names(second), (texts{"step.lost a", "run.transition", "run.failed", "job.acknowledged"}));
  EXPECT_FALSE(second[0].retry_at) << "there is no attempt left";
}

TEST(events_of, interrupted_and_parked_steps_are_told) {
  driven_run run(read_workflow(two_steps, in_turn));
  run.deliver();
  EXPECT_EQ(names(told_by(run, run.interrupt())).front(), "step.interrupted a");
  run.deliver();
  EXPECT_EQ(names(told_by(run, run.park())).front(), "step.parked a");
}

TEST(events_of, results_that_come_too_late_are_told_as_discarded_and_what_does_not_begin_as_skipped) {
  driven_run run(read_workflow(two_steps, in_turn));
  run.deliver();
  run.on(command_event(event::cancelled{}));
  const auto told = told_by(run, run.succeed());
  EXPECT_EQ(names(told), (texts{"step.discarded a", "run.transition", "run.cancelled", "job.acknowledged"}));
}

TEST(events_of, visits_of_a_loop_are_counted) {
  driven_run run(read_workflow(two_steps, R"([{"from": "a", "on": "ok", "to": "b"},
      {"from": "b", "on": "ok", "to": "a", "at_most": 1}, {"from": "b", "on": "ok", "to": "complete"}])"));
  run.deliver();
  EXPECT_EQ(told_by(run, run.succeed()).front().visit, 1);
  run.succeed();
  const auto again = told_by(run, run.succeed()).front();
  EXPECT_EQ(again.step, "a");
  EXPECT_EQ(again.visit, 2);
  EXPECT_EQ(again.attempt, 2) << "of the step, in the whole run";
}

TEST(events_of, a_job_that_was_not_ours_any_more_is_not_told) {
  driven_run run(read_workflow(two_steps, in_turn));
  run.deliver();
  run.succeed();
  const auto made = run.succeed();
  EXPECT_EQ(names(told_by(run, made, {.applied = true, .lost = {{.value = 7}}})),
            (texts{"step.completed b", "run.transition", "run.completed"}));
  EXPECT_EQ(names(told_by(run, made)).back(), "job.acknowledged");
}

TEST(events_of, a_run_that_did_not_begin_beside_a_tick_is_not_told) {
  commit tick;
  tick.start = run_record{.id = {.value = {.bytes = {1}}}, .workflow = "w", .trigger = "t"};
  tick.schedule = schedule_change{.workflow = "w", .trigger = "t"};
  EXPECT_EQ(names(events_of(tick, {.applied = true, .inserted = {{.value = 3}}}, {})), texts{"run.created"});
  EXPECT_EQ(names(events_of(tick, {.applied = true, .inserted = {{.value = 0}}}, {})), texts{});
}

}  // namespace
}  // namespace squid_mesh::testing
