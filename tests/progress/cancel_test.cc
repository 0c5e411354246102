// Ending a run from outside, by a person or at its deadline, and having a failed one go on.
#include "progress/decide.h"

#include "progress/driven_run.h"
#include "progress/policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using change = job_change::kind;

/// work (2 attempts) -> rest -> gate -> last.
std::shared_ptr<const definition> workflow() {
  return read_workflow(
      R"([{"name": "work", "output": "done", "retry": {"max_attempts": 2, "backoff": {"min_ms": 1000, "max_ms": 1000}}},
          {"name": "rest", "kind": "wait", "wait": {"duration_ms": 5000}}, {"name": "gate", "kind": "pause"},
          {"name": "last"}])",
      R"([{"from": "work", "to": "rest"}, {"from": "rest", "to": "gate"}, {"from": "gate", "to": "last"},
          {"from": "last", "to": "complete"}])");
}

driven_run at_work() {
  driven_run run(workflow());
  run.deliver();
  return run;
}

driven_run retrying() {
  driven_run run = at_work();
  run.fail(retryable("flaked"));
  return run;
}

driven_run waiting() {
  driven_run run = at_work();
  run.succeed();
  return run;
}

driven_run paused() {
  driven_run run = waiting();
  run.now += 5s;
  run.deliver();
  return run;
}

driven_run failed() {
  driven_run run = at_work();
  run.fail(permanent("no"));
  return run;
}

/// As the giver of the command sees the jobs: nobody executes that of the run's branch.
event::cancelled while_idle() { return {.by = {.actor = "ada"}, .idle = {0}}; }

/// a, b and c begin; end joins them.
driven_run three_begun() {
  driven_run run(read_workflow(R"([{"name": "a", "output": "a"}, {"name": "b", "output": "b"},
                                   {"name": "c", "output": "c"}, {"name": "end", "after": ["a", "b", "c"]}])"));
  for (const char* branch : {"a", "b", "c"}) run.deliver_to(branch);
  return run;
}

// -- Cancelling

TEST(cancel, what_nobody_works_at_ends_at_once) {
  for (driven_run run : {driven_run(workflow()), retrying(), waiting(), paused()}) {
    const std::string step = run.current();
    const decision made = run.on(while_idle());
    EXPECT_EQ(facts_of(made), texts{"cancel_requested"});
    EXPECT_EQ(*made.status, (status_change{.status = run_status::cancelled, .ended_at = run.now}));
    EXPECT_TRUE(made.retires_jobs);
    EXPECT_TRUE(made.woken.empty());
    EXPECT_EQ(run.progress_of(step).status, step_status::cancelled);
  }
}

TEST(cancel, gates_waits_and_retries_that_are_not_due_are_known_to_be_idle) {
  for (driven_run run : {retrying(), waiting(), paused()}) {
    EXPECT_EQ(run.on(event::cancelled{}).status->status, run_status::cancelled);
  }
}

TEST(cancel, a_run_in_flight_is_cancelling_until_its_worker_has_ended) {
  driven_run run = at_work();
  EXPECT_EQ(run.on(event::cancelled{}).status->status, run_status::cancelling);
  const decision made = run.succeed(7);
  EXPECT_EQ(facts_of(made), texts{"attempt_discarded work"});
  EXPECT_EQ(made.facts.at(0).data, R"({"output":7})");
  EXPECT_EQ(made.facts.at(0).started_at, run.now);
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(made.status->status, run_status::cancelled);
  EXPECT_TRUE(run.state.context.empty()) << "recorded, not applied";
  EXPECT_EQ(run.progress_of("work").attempts, 1);
}

TEST(cancel, however_the_attempt_ends_it_is_in_the_history) {
  driven_run errs = at_work();
  errs.on(event::cancelled{});
  const decision made = errs.fail(retryable("flaked"));
  EXPECT_EQ(facts_of(made), texts{"attempt_discarded work"});
  EXPECT_EQ(json::parse(made.facts.at(0).data).at("error").at("message"), "flaked");
  EXPECT_EQ(errs.state.status(), run_status::cancelled);

  driven_run shuts_down = at_work();
  shuts_down.on(event::cancelled{});
  EXPECT_EQ(facts_of(shuts_down.interrupt()), texts{"attempt_discarded work"});
  EXPECT_EQ(shuts_down.state.status(), run_status::cancelled);

  driven_run dies = at_work();
  dies.on(event::cancelled{});
  const decision lost = dies.die();
  EXPECT_EQ(facts_of(lost), texts{"attempt_lost work"});
  EXPECT_EQ(lost.job.is, change::finish);
  EXPECT_EQ(dies.state.status(), run_status::cancelled);
  EXPECT_EQ(dies.progress_of("work").status, step_status::cancelled);
}

TEST(cancel, a_worker_that_comes_to_a_cancelling_run_begins_nothing) {
  driven_run run(workflow());
  run.on(event::cancelled{});
  const decision made = run.deliver();
  EXPECT_EQ(facts_of(made), texts{"step_skipped work"});
  EXPECT_FALSE(made.run_next);
  EXPECT_EQ(made.status->status, run_status::cancelled);

  driven_run parked = at_work();
  parked.on(event::cancelled{});
  EXPECT_EQ(facts_of(parked.park()), texts{"step_skipped work"});
}

/// The giver saw no worker, but one had just fetched the job.
TEST(cancel, a_result_that_comes_after_the_end_is_recorded) {
  driven_run run = at_work();
  run.on(while_idle());
  ASSERT_EQ(run.state.status(), run_status::cancelled);
  const decision late = run.on(event::succeeded{run.attempt("work"), 7});
  EXPECT_EQ(facts_of(late), texts{"attempt_discarded work"});
  EXPECT_FALSE(late.status);
  EXPECT_EQ(late.job.is, change::finish);
  EXPECT_TRUE(run.on(event::succeeded{{.step = 0, .number = 1}, 7}).stale) << "it is told once";
}

TEST(cancel, a_second_cancellation_is_refused_unless_it_is_the_same) {
  driven_run run = at_work();
  run.on(event::cancelled{.by = {.key = "k"}, .idle = {}});
  EXPECT_EQ(refusal_of(run.on(event::cancelled{})), "already_cancelling");
  const decision same = run.on(event::cancelled{.by = {.key = "k"}, .idle = {}});
  EXPECT_TRUE(same.repeated);
  EXPECT_FALSE(same.refusal);
  run.succeed();
  EXPECT_EQ(refusal_of(run.on(event::cancelled{})), "run_has_ended");
  EXPECT_TRUE(run.on(event::cancelled{.by = {.key = "k"}, .idle = {}}).repeated);
}

TEST(cancel, of_a_cancellation_and_the_completion_the_first_one_counts) {
  driven_run completes = paused();
  completes.on(event::unblocked{});
  completes.deliver();
  driven_run cancels = completes;
  completes.succeed();
  EXPECT_EQ(refusal_of(completes.on(event::cancelled{})), "run_has_ended");
  EXPECT_EQ(completes.state.status(), run_status::completed);

  cancels.on(event::cancelled{});
  EXPECT_EQ(facts_of(cancels.succeed()), texts{"attempt_discarded last"});
  EXPECT_EQ(cancels.state.status(), run_status::cancelled);

  const driven_run both = at_work();
  EXPECT_EQ(both.consider(event::cancelled{}).facts.at(0).seq,
            both.consider(event::succeeded{both.attempt(), 1}).facts.at(0).seq)
      << "each claims the same place in the journal";
}

TEST(cancel, of_several_branches_the_last_in_flight_ends_the_run) {
  driven_run run = three_begun();
  run.succeed_at("a");
  EXPECT_EQ(run.on(event::cancelled{.by = {}, .idle = {1}}).status->status, run_status::cancelling);
  EXPECT_EQ(run.progress_of("b").status, step_status::cancelled);
  EXPECT_EQ(run.deliver_to("b").job.is, change::finish);
  EXPECT_EQ(facts_of(run.succeed_at("c")), texts{"attempt_discarded c"});
  EXPECT_EQ(run.state.status(), run_status::cancelled);
  EXPECT_EQ(run.progress_of("end").status, step_status::pending);
}

TEST(cancel, a_run_that_is_failing_can_be_cancelled) {
  driven_run run = three_begun();
  run.fail_at("a", permanent("no"));
  EXPECT_EQ(run.on(event::cancelled{.by = {}, .idle = {1}}).status->status, run_status::cancelling);
  EXPECT_EQ(run.succeed_at("c").status->status, run_status::cancelled);
  EXPECT_FALSE(run.state.error) << "it hasn't failed";
  EXPECT_EQ(refusal_of(run.on(event::retried{})), "not_failed");
}

// -- Deadlines

TEST(cancel, at_its_deadline_a_run_fails_and_results_do_not_count) {
  driven_run run = at_work();
  EXPECT_EQ(run.on(event::deadline_reached{}).status->status, run_status::cancelling);
  EXPECT_EQ(facts_of(run.succeed(7)), texts{"attempt_discarded work"});
  EXPECT_EQ(run.state.status(), run_status::failed);
  EXPECT_EQ(run.state.error->at("kind"), "deadline");
  EXPECT_EQ(run.state.error->at("code"), "timeout");
}

TEST(cancel, a_deadline_ends_an_idle_run_at_once) {
  for (driven_run run : {driven_run(workflow()), retrying(), waiting(), paused()}) {
    const decision made = run.on(event::deadline_reached{.idle = {0}});
    EXPECT_EQ(facts_of(made), texts{"deadline_passed"});
    EXPECT_EQ(made.status->status, run_status::failed);
    EXPECT_TRUE(made.retires_jobs);
  }
}

TEST(cancel, a_deadline_says_nothing_to_a_run_that_ends_anyway) {
  driven_run ended = failed();
  EXPECT_TRUE(ended.on(event::deadline_reached{}).facts.empty());
  EXPECT_EQ(ended.state.error->at("message"), "no");
  driven_run cancelling = at_work();
  cancelling.on(event::cancelled{});
  EXPECT_TRUE(cancelling.on(event::deadline_reached{}).facts.empty());
}

TEST(cancel, a_deadline_stops_the_waiting_for_a_failing_run_but_is_not_why_it_failed) {
  driven_run run = three_begun();
  run.fail_at("a", permanent("no"));
  run.on(event::deadline_reached{.idle = {1}});
  EXPECT_EQ(run.state.error->at("message"), "no");
  EXPECT_EQ(facts_of(run.succeed_at("c")), texts{"attempt_discarded c"});
  EXPECT_EQ(run.state.status(), run_status::failed);
  EXPECT_EQ(run.state.error->at("message"), "no");
}

TEST(cancel, the_end_of_a_run_with_a_deadline_retires_the_watch_over_it) {
  driven_run run = at_work();
  run.state.has_deadline = true;
  EXPECT_TRUE(run.fail(permanent("no")).retires_jobs);
  EXPECT_FALSE(at_work().fail(permanent("no")).retires_jobs);
}

// -- Retrying

TEST(cancel, a_failed_run_goes_on_where_it_failed) {
  driven_run run = failed();
  run.now += 60s;
  const decision made = run.on(event::retried{.by = {.actor = "ada"}, .inputs = nullptr});
  EXPECT_EQ(facts_of(made), texts{"retry_requested"});
  EXPECT_EQ(*made.status, (status_change{.status = run_status::running, .ended_at = std::nullopt}));
  EXPECT_EQ(run.names_of(made.woken), texts{"work"});
  EXPECT_EQ(next_of(run, run.deliver()), "work");
  EXPECT_EQ(run.attempt().number, 2);
  EXPECT_EQ(run.progress_of("work").counted, 0) << "it has all its attempts again";
  EXPECT_EQ(run.progress_of("work").visits, 1);
  EXPECT_FALSE(run.state.error);
  run.succeed(7);
  EXPECT_EQ(run.state.context, (json{{"done", 7}}));
}

TEST(cancel, the_edited_input_is_what_the_step_reads) {
  driven_run run = failed();
  run.on(event::retried{.by = {}, .inputs = {{"work", {{"x", 1}}}}});
  EXPECT_EQ(input_of(run.state, 0), (json{{"x", 1}}));
}

TEST(cancel, an_edited_input_is_for_the_visit_that_goes_on) {
  driven_run run(read_workflow(R"([{"name": "a"}])", R"([{"from": "a", "to": "a", "at_most": 1},
                                                        {"from": "a", "to": "complete"}])"));
  run.deliver();
  run.fail(permanent("no"));
  run.on(event::retried{.by = {}, .inputs = {{"a", {{"x", 1}}}}});
  run.deliver();
  run.succeed({{"y", 2}});
  EXPECT_EQ(input_of(run.state, 0), (json{{"y", 2}}));
}

TEST(cancel, inputs_that_do_not_fit_are_refused) {
  for (const json& wrong : {json(1), json{{"rest", json::object()}}, json{{"none", json::object()}}, json{{"work", 1}}}) {
    driven_run run = failed();
    const decision made = run.on(event::retried{.by = {}, .inputs = wrong});
    ASSERT_TRUE(made.refusal) << wrong;
    EXPECT_EQ(made.refusal->code, errc::invalid_argument);
    EXPECT_EQ(made.refusal->problems.size(), 1U);
    EXPECT_EQ(run.state.status(), run_status::failed);
  }
}

TEST(cancel, only_a_failed_run_is_retried) {
  driven_run cancelled = waiting();
  cancelled.on(event::cancelled{});
  for (driven_run run : {driven_run(workflow()), at_work(), retrying(), waiting(), paused(), cancelled}) {
    EXPECT_EQ(refusal_of(run.on(event::retried{})), "not_failed");
  }
}

TEST(cancel, a_retry_with_the_same_key_is_repeated_even_after_another_failure) {
  driven_run run = failed();
  run.on(event::retried{.by = {.key = "k"}, .inputs = nullptr});
  run.deliver();
  run.fail(permanent("again"));
  EXPECT_TRUE(run.on(event::retried{.by = {.key = "k"}, .inputs = nullptr}).repeated);
  EXPECT_EQ(run.state.status(), run_status::failed);
}

TEST(cancel, a_gate_that_failed_is_opened_again) {
  driven_run run(read_workflow(R"([{"name": "g", "kind": "pause", "pause": {"expires_in_ms": 1000}}])",
                               R"([{"from": "g", "to": "complete"}])"));
  run.deliver();
  run.now += 1s;
  run.deliver();
  run.on(event::retried{});
  EXPECT_EQ(facts_of(run.deliver()), texts{"gate_opened g"});
  EXPECT_EQ(run.progress_of("g").until, run.now + 1s);
}

TEST(cancel, all_that_stopped_goes_on_and_what_completed_is_kept) {
  driven_run run = three_begun();
  run.fail_at("a", permanent("no"));
  run.succeed_at("b", 2);
  run.on(event::interrupted{run.attempt("c")});
  run.deliver_to("c");
  ASSERT_EQ(run.state.status(), run_status::failed);
  const decision made = run.on(event::retried{});
  EXPECT_EQ(run.names_of(made.opened), (texts{"a", "c"}));
  EXPECT_TRUE(made.woken.empty());
  EXPECT_FALSE(run.is_active("b"));
  run.deliver_to("a");
  run.deliver_to("c");
  run.succeed_at("a", 1);
  EXPECT_EQ(next_of(run, run.succeed_at("c", 3)), "end");
  EXPECT_EQ(run.state.visible_context(run.index_of("end")), (json{{"a", 1}, {"b", 2}, {"c", 3}}));
}

TEST(cancel, a_retry_begins_what_became_ready_while_the_run_failed) {
  driven_run run(read_workflow(R"([{"name": "a"}, {"name": "b"}, {"name": "after_b", "after": ["b"]},
                                   {"name": "end", "after": ["a", "after_b"]}])"));
  run.deliver_to("a");
  run.deliver_to("b");
  run.fail_at("a", permanent("no"));
  EXPECT_FALSE(run.succeed_at("b").run_next) << "nothing new begins";
  EXPECT_EQ(run.progress_of("after_b").status, step_status::pending);
  EXPECT_EQ(run.names_of(run.on(event::retried{}).opened), (texts{"a", "after_b"}));
  EXPECT_EQ(run.progress_of("after_b").visits, 1);
}

TEST(cancel, a_run_that_failed_at_its_deadline_goes_on_without_one) {
  driven_run run = waiting();
  run.on(event::deadline_reached{});
  run.on(event::retried{});
  EXPECT_EQ(facts_of(run.deliver()), texts{"wait_started rest"}) << "it is waited for again";
  EXPECT_EQ(run.state.status(), run_status::running);
}

}  // namespace
}  // namespace squid_mesh::testing
