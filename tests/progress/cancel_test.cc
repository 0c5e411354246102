// Ending a run from outside: by a person, or at its deadline.
#include "progress/decide.h"
#include "progress/run_stages.h"

#include <gtest/gtest.h>

#include <string>

namespace squid_mesh::testing {
namespace {

using change = job_change::kind;

/// As the giver of the command sees the jobs: nobody executes that of the run's branch.
event::cancelled while_idle() { return {.by = {.actor = "ada"}, .idle = {0}}; }

// -- Cancelling

TEST(cancel, what_nobody_works_at_ends_at_once) {
  for (driven_run run : {driven_run(four_steps()), retrying(), waiting(), paused()}) {
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
  driven_run run(four_steps());
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
  for (driven_run run : {driven_run(four_steps()), retrying(), waiting(), paused()}) {
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

}  // namespace
}  // namespace squid_mesh::testing
