// Every event in every kind of state.
#include "progress/decide.h"

#include "progress/driven_run.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using change = job_change::kind;

/// first -> flaky (3 attempts, error route to repair) -> rest -> last; repair -> last.
std::shared_ptr<const definition> workflow() {
  return read_definition(json::parse(R"({
    "name": "test.progress", "triggers": [{"name": "manual"}],
    "steps": [
      {"name": "first", "kind": "action"},
      {"name": "flaky", "kind": "action", "output": "flaky",
       "retry": {"max_attempts": 3, "backoff": {"min_ms": 1000, "max_ms": 60000, "factor": 2, "jitter": 0}}},
      {"name": "rest", "kind": "wait", "wait": {"duration_ms": 5000}},
      {"name": "last", "kind": "log", "log": {"message": "done"}},
      {"name": "repair", "kind": "action", "output": "repaired"}
    ],
    "transitions": [
      {"from": "first", "to": "flaky"}, {"from": "flaky", "to": "rest"},
      {"from": "flaky", "on": "error", "to": "repair"}, {"from": "repair", "to": "last"},
      {"from": "rest", "to": "last"}, {"from": "last", "to": "complete"}
    ]})"));
}

driven_run at_first() {
  driven_run run(workflow());
  run.deliver();
  return run;
}

driven_run at_flaky() {
  driven_run run = at_first();
  run.succeed();
  return run;
}

driven_run retrying() {
  driven_run run = at_flaky();
  run.fail(retryable("flaked"));
  return run;
}

driven_run waiting() {
  driven_run run = at_flaky();
  run.succeed(1);
  return run;
}

driven_run completed() {
  driven_run run = waiting();
  run.now += 5s;
  run.deliver();
  run.succeed(nullptr);
  return run;
}

driven_run failed() {
  driven_run run = at_first();
  run.fail(permanent("no"));
  return run;
}

void expect_nothing(const decision& made) {
  EXPECT_TRUE(made.facts.empty());
  EXPECT_FALSE(made.status);
  EXPECT_FALSE(made.run_next);
}

// -- Delivered

TEST(decide, the_first_delivery_runs_the_entry_and_writes_nothing) {
  driven_run run(workflow());
  const decision made = run.deliver();
  EXPECT_TRUE(made.facts.empty());
  EXPECT_FALSE(made.status) << "a pending run whose job executes is shown as running already";
  EXPECT_EQ(made.job.is, change::keep);
  EXPECT_EQ(next_of(run, made), "first");
}

TEST(decide, a_wait_that_is_not_over_is_snoozed_to_its_end_again) {
  driven_run run = waiting();
  const time_point until = run.now + 5s;
  run.now += 4999ms;
  const decision made = run.deliver();
  EXPECT_EQ(facts_of(made), texts{"woken_early rest"}) << "whoever wakes the job at this moment has to notice";
  EXPECT_EQ(made.job, (job_change{.is = change::snooze, .at = until}));
}

TEST(decide, a_wait_that_is_over_is_completed_and_the_next_step_runs) {
  driven_run run = waiting();
  run.now += 5s;
  const decision made = run.deliver();
  EXPECT_EQ(facts_of(made), texts{"step_completed rest"});
  EXPECT_EQ(next_of(run, made), "last");
  EXPECT_EQ(run.state.steps[2].attempts, 0) << "waiting is no attempt";
}

TEST(decide, a_retrying_step_runs_when_its_job_comes_back) {
  driven_run run = retrying();
  run.now += 1s;
  const decision made = run.deliver();
  EXPECT_TRUE(made.facts.empty());
  EXPECT_EQ(next_of(run, made), "flaky");
}

TEST(decide, a_later_delivery_journals_the_attempt_that_was_lost) {
  driven_run run = at_flaky();
  run.now += 1s;
  const decision made = run.deliver(2);
  EXPECT_EQ(facts_of(made), texts{"attempt_lost flaky"});
  EXPECT_EQ(next_of(run, made), "flaky");
  EXPECT_EQ(run.state.steps[1].counted, 1);
  EXPECT_EQ(run.attempt().number, 2);
}

TEST(decide, a_later_delivery_of_a_waiting_run_journals_the_loss_and_keeps_the_wait) {
  driven_run run = waiting();
  const time_point until = run.now + 5s;
  run.now += 1s;
  const decision made = run.deliver(2);
  EXPECT_EQ(facts_of(made), texts{"worker_lost rest"});
  EXPECT_EQ(made.job, (job_change{.is = change::snooze, .at = until}));
  EXPECT_EQ(run.state.steps[2].attempts, 0);
}

TEST(decide, a_draining_process_begins_nothing) {
  driven_run run(workflow());
  run.draining = true;
  const decision made = run.deliver();
  EXPECT_FALSE(made.run_next);
  EXPECT_EQ(made.job.is, change::give_back);
}

// -- Succeeded

TEST(decide, a_success_is_one_fact_and_runs_the_next_step) {
  driven_run run = at_first();
  const time_point began = run.now;
  const auto attempt = run.attempt();
  run.now += 2s;
  const decision made = run.on(event::succeeded{attempt, json{{"a", 1}}});
  ASSERT_EQ(facts_of(made), texts{"step_completed first"});
  EXPECT_EQ(made.facts[0].seq, 1);
  EXPECT_EQ(made.facts[0].at, run.now);
  EXPECT_EQ(made.facts[0].started_at, began);
  EXPECT_EQ(made.facts[0].node, "n1");
  EXPECT_EQ(made.facts[0].data, R"({"a":1})");
  EXPECT_EQ(made.job.is, change::keep);
  EXPECT_EQ(next_of(run, made), "flaky");
}

TEST(decide, a_success_before_a_wait_starts_the_wait_in_the_same_commit) {
  driven_run run = at_flaky();
  const decision made = run.succeed(1);
  EXPECT_EQ(facts_of(made), (texts{"step_completed flaky", "wait_started rest"}));
  EXPECT_EQ(made.job, (job_change{.is = change::snooze, .at = run.now + 5s}));
  EXPECT_FALSE(made.run_next);
  EXPECT_EQ(run.state.steps[2].status, step_status::waiting);
  ASSERT_TRUE(made.status) << "nobody holds the job: the projection has to say that the run is running";
  EXPECT_EQ(made.status->status, run_status::running);
}

TEST(decide, the_last_success_completes_the_run_and_its_job) {
  driven_run run = waiting();
  run.now += 5s;
  run.deliver();
  const decision made = run.succeed(nullptr);
  EXPECT_EQ(made.job.is, change::finish);
  ASSERT_TRUE(made.status);
  EXPECT_EQ(*made.status, (status_change{.status = run_status::completed, .ended_at = run.now}));
  EXPECT_EQ(run.state.status(), run_status::completed);
  EXPECT_EQ(run.current(), "");
}

TEST(decide, outputs_are_merged_or_put_under_their_key) {
  driven_run run(workflow(), R"({"kept":true,"a":0})");
  run.deliver();
  run.succeed({{"a", 1}, {"b", 2}});
  run.succeed(json::array({3}));
  EXPECT_EQ(run.state.context, (json{{"kept", true}, {"a", 1}, {"b", 2}, {"flaky", {3}}}));
}

TEST(decide, no_output_is_stored_as_nothing_and_is_null_under_its_key) {
  driven_run run = at_flaky();
  const decision made = run.succeed(nullptr);
  EXPECT_EQ(made.facts.at(0).data, "");
  EXPECT_EQ(run.state.context, (json{{"flaky", nullptr}}));
}

TEST(decide, an_output_that_cannot_be_stored_fails_the_step_for_good) {
  for (const json& output : {json(1), json("text"), json::array(), json{{"text", "caf\xE9"}}}) {
    driven_run run = at_first();
    const decision made = run.succeed(output);
    EXPECT_EQ(facts_of(made), texts{"step_failed first"});
    EXPECT_EQ(run.state.status(), run_status::failed);
    EXPECT_EQ(run.state.error->at("code"), "invalid_argument");
  }
}

// -- Failed

TEST(decide, a_retryable_failure_comes_back_after_its_backoff) {
  driven_run run = at_flaky();
  const decision made = run.fail(retryable("flaked"));
  ASSERT_EQ(facts_of(made), texts{"step_failed flaky"});
  const time_point again = run.now + 1s;
  EXPECT_EQ(json::parse(made.facts[0].data).at("retry_at"), again.time_since_epoch().count());
  EXPECT_EQ(made.job, (job_change{.is = change::snooze, .at = again}));
  EXPECT_EQ(made.status->status, run_status::retrying);
  EXPECT_FALSE(made.status->ended_at);
  EXPECT_EQ(run.state.steps[1].until, again);
}

TEST(decide, a_retry_without_delay_runs_on_at_once) {
  driven_run run(read_definition(json::parse(R"({"name": "t", "triggers": [{"name": "m"}],
      "steps": [{"name": "a", "retry": {"max_attempts": 2}}], "transitions": [{"from": "a", "to": "complete"}]})")));
  run.deliver();
  const decision made = run.fail(retryable("flaked"));
  EXPECT_EQ(next_of(run, made), "a");
  EXPECT_EQ(made.job.is, change::keep);
  EXPECT_EQ(run.state.status(), run_status::running);
  run.fail(retryable("flaked"));
  EXPECT_EQ(run.state.status(), run_status::failed);
}

TEST(decide, the_error_route_is_taken_only_when_attempts_are_exhausted) {
  driven_run run = at_flaky();
  for (int attempt = 1; attempt < 3; ++attempt) {
    EXPECT_EQ(run.fail(retryable("flaked")).job.is, change::snooze);
    EXPECT_EQ(run.current(), "flaky");
    run.now += 60s;
    run.deliver();
  }
  const decision made = run.fail(retryable("flaked"));
  EXPECT_EQ(next_of(run, made), "repair");
  EXPECT_FALSE(json::parse(made.facts.at(0).data).contains("retry_at"));
  EXPECT_EQ(run.state.steps[1].status, step_status::failed);
  EXPECT_EQ(run.state.steps[1].counted, 3);
  EXPECT_EQ(run.state.status(), run_status::running);
}

TEST(decide, a_permanent_failure_takes_the_error_route_at_once) {
  driven_run run = at_flaky();
  EXPECT_EQ(next_of(run, run.fail(permanent("no"))), "repair");
}

TEST(decide, without_a_policy_or_a_route_one_failure_fails_the_run) {
  driven_run run = at_first();
  const decision made = run.fail(retryable("flaked"));
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(*made.status, (status_change{.status = run_status::failed, .ended_at = run.now}));
  EXPECT_EQ(run.state.error->at("message"), "flaked");
}

TEST(decide, an_error_message_that_is_not_utf8_is_journaled_all_the_same) {
  driven_run run = at_first();
  run.fail(permanent("caf\xE9"));
  EXPECT_EQ(run.state.status(), run_status::failed);
}

// -- Interrupted, no handler, died

TEST(decide, an_interruption_is_in_the_history_but_does_not_count) {
  driven_run run = at_flaky();
  for (int i = 1; i <= 5; ++i) {
    const decision made = run.interrupt();
    EXPECT_EQ(facts_of(made), texts{"attempt_interrupted flaky"});
    EXPECT_EQ(made.job.is, change::give_back);
    EXPECT_EQ(run.state.steps[1].attempts, i);
    EXPECT_EQ(run.state.steps[1].counted, 0);
    EXPECT_EQ(next_of(run, run.deliver()), "flaky");
  }
}

TEST(decide, a_missing_handler_is_journaled_once_and_then_only_snoozed) {
  driven_run run = at_first();
  EXPECT_EQ(facts_of(run.park()), texts{"step_parked first"});
  run.now += 15s;
  run.deliver();
  const decision again = run.park();
  EXPECT_TRUE(again.facts.empty());
  EXPECT_EQ(again.job, (job_change{.is = change::snooze, .at = run.now + 15s}));
  EXPECT_EQ(run.state.steps[0].attempts, 0);
}

TEST(decide, a_dead_worker_costs_an_attempt_and_the_job_goes_back) {
  driven_run run = at_flaky();
  const decision made = run.die();
  ASSERT_EQ(facts_of(made), texts{"attempt_lost flaky"});
  EXPECT_EQ(made.facts[0].node, "dead");
  EXPECT_EQ(made.job.is, change::give_back);
  EXPECT_FALSE(made.run_next) << "whoever notices a death doesn't run the step";
  EXPECT_EQ(run.state.steps[1].counted, 1);
}

TEST(decide, losses_are_limited_by_the_policy) {
  driven_run run = at_flaky();
  for (int lost = 1; lost < 3; ++lost) {
    run.die();
    EXPECT_EQ(run.current(), "flaky");
  }
  run.die();
  EXPECT_EQ(run.current(), "repair");
}

TEST(decide, without_a_policy_ten_losses_fail_the_run) {
  driven_run run = at_first();
  for (int lost = 1; lost < 10; ++lost) {
    EXPECT_EQ(run.die().job.is, change::give_back);
    EXPECT_EQ(run.current(), "first");
  }
  const decision made = run.die();
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(run.state.status(), run_status::failed);
}

TEST(decide, a_waiting_run_loses_no_attempt_with_its_worker_but_fences_it_off) {
  driven_run run = waiting();
  const decision made = run.die();
  EXPECT_EQ(facts_of(made), texts{"worker_lost rest"});
  EXPECT_EQ(made.job.is, change::give_back);
  EXPECT_EQ(run.state.steps[2].status, step_status::waiting);
  EXPECT_EQ(run.state.steps[2].counted, 0);
}

TEST(decide, a_death_whose_error_route_leads_to_a_wait_keeps_the_wait) {
  driven_run run(read_definition(json::parse(R"({"name": "t", "triggers": [{"name": "m"}],
      "steps": [{"name": "a", "retry": {"max_attempts": 1}}, {"name": "w", "kind": "wait", "wait": {"duration_ms": 1000}}],
      "transitions": [{"from": "a", "to": "complete"}, {"from": "a", "on": "error", "to": "w"},
                      {"from": "w", "to": "complete"}]})")));
  run.deliver();
  const decision made = run.die();
  EXPECT_EQ(facts_of(made), (texts{"attempt_lost a", "wait_started w"}));
  EXPECT_EQ(made.job, (job_change{.is = change::snooze, .at = run.now + 1s}));
}

// -- Stale, doubled and impossible events

TEST(decide, results_of_anything_but_the_present_attempt_are_stale) {
  const auto results = [](const event::attempt& of) {
    return std::vector<worker_event>{event::succeeded{of, json::object()}, event::failed{of, permanent("late")},
                                     event::interrupted{of}, event::no_handler{of}};
  };
  const auto expect_stale = [&](const driven_run& run, const event::attempt& of) {
    for (const worker_event& late : results(of)) {
      const decision made = run.consider(late);
      EXPECT_TRUE(made.stale);
      EXPECT_EQ(made.job.is, change::keep);
      expect_nothing(made);
    }
  };
  driven_run lost = at_flaky();
  const auto old = lost.attempt();
  lost.die();
  expect_stale(lost, old);                              // An attempt that was written off.
  expect_stale(at_flaky(), {.step = 0, .number = 1});   // A step that has completed.
  expect_stale(at_flaky(), {.step = 1, .number = 2});   // An attempt that has not begun.
  expect_stale(at_flaky(), {.step = 99, .number = 1});  // No step at all.
  expect_stale(waiting(), {.step = 2, .number = 1});    // Nobody runs a wait.
  expect_stale(completed(), {.step = 3, .number = 2});
  expect_stale(failed(), {.step = 0, .number = 2});
}

TEST(decide, a_run_that_has_ended_only_lets_its_job_go) {
  for (const driven_run& run : {completed(), failed()}) {
    for (const worker_event& what : {worker_event(event::delivered{}), worker_event(event::delivered{.attempt = 3}),
                                     worker_event(event::worker_died{.node = "dead"})}) {
      const decision made = run.consider(what);
      expect_nothing(made);
      EXPECT_EQ(made.job.is, change::finish);
    }
  }
}

// -- The projection

TEST(decide, the_projection_says_pending_only_while_the_job_is_held) {
  driven_run held = at_first();
  EXPECT_FALSE(held.succeed().status);
  EXPECT_EQ(held.state.stored_status, run_status::pending);
  EXPECT_EQ(held.interrupt().status->status, run_status::running);
}

TEST(decide, an_untouched_run_that_is_given_back_stays_pending) {
  driven_run run(workflow());
  run.draining = true;
  EXPECT_FALSE(run.deliver().status);
}

// -- Damaged journals

TEST(fold, refuses_facts_that_cannot_follow) {
  const auto refused = [](const std::function<void(fact&)>& damage) {
    driven_run run = at_first();
    fact next = run.consider(event::succeeded{run.attempt(), json::object()}).facts.at(0);
    damage(next);
    const auto applied = apply(run.state, next);
    return !applied && applied.error().code == errc::storage;
  };
  EXPECT_FALSE(refused([](fact&) {}));
  EXPECT_TRUE(refused([](fact& f) { f.seq = 2; }));
  EXPECT_TRUE(refused([](fact& f) { f.seq = 0; }));
  EXPECT_TRUE(refused([](fact& f) { f.step = "flaky"; }));
  EXPECT_TRUE(refused([](fact& f) { f.step = "unknown"; }));
  EXPECT_TRUE(refused([](fact& f) { f.data = "{"; }));
  EXPECT_TRUE(refused([](fact& f) { f.kind = fact_kind::wait_started; }));
}

TEST(fold, refuses_failures_that_are_no_objects) {
  for (const char* data : {"", "1", "[]", R"({"retry_at":"soon"})"}) {
    driven_run run = at_first();
    EXPECT_FALSE(apply(run.state, {.seq = 1, .kind = fact_kind::step_failed, .step = "first", .data = data})) << data;
  }
}

TEST(fold, refuses_a_payload_that_is_no_object) {
  for (const char* payload : {"", "[]", "null", "{"}) {
    const auto begun = begin(workflow(), {.payload = payload});
    ASSERT_FALSE(begun) << payload;
    EXPECT_EQ(begun.error().code, errc::storage);
  }
}

TEST(fold, gives_the_state_that_was_applied_step_by_step) {
  const driven_run run = completed();
  const auto folded = fold(workflow(), run.history);
  ASSERT_TRUE(folded);
  EXPECT_EQ(folded->status(), run_status::completed);
  EXPECT_EQ(folded->context, run.state.context);
  EXPECT_EQ(folded->last_seq, 5);
}

}  // namespace
}  // namespace squid_mesh::testing
