// Steps that begin after others, side by side: which branches there are, joins, failures among siblings.
#include "progress/decide.h"
#include "progress/driven_run.h"
#include "progress/policy.h"

#include <gtest/gtest.h>

#include <string>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using change = job_change::kind;

/// fetch and check begin; fetch opens parse, count and pack; report joins parse, count and check.
std::shared_ptr<const definition> workflow() {
  return read_workflow(R"([
      {"name": "fetch", "output": "fetched"},
      {"name": "check", "output": "checked", "retry": {"max_attempts": 2, "backoff": {"min_ms": 1000, "max_ms": 1000}}},
      {"name": "parse", "output": "parsed", "after": ["fetch"]},
      {"name": "count", "output": "counted", "after": ["fetch"]},
      {"name": "rest", "kind": "wait", "wait": {"duration_ms": 5000}, "after": ["fetch"]},
      {"name": "report", "after": ["parse", "count", "check", "rest"]}])");
}

/// Both roots have workers.
driven_run begun() {
  driven_run run(workflow());
  run.deliver_to("fetch");
  run.deliver_to("check");
  return run;
}

/// fetch has completed; parse is on its branch, count and rest have branches of their own.
driven_run fanned_out() {
  driven_run run = begun();
  run.succeed_at("fetch");
  run.deliver_to("count");
  run.deliver_to("rest");
  return run;
}

// -- Branches

TEST(dependencies, a_run_begins_with_a_branch_for_each_root) {
  const driven_run run(workflow());
  EXPECT_EQ(run.names_of(first_branches(*run.state.definition)), (texts{"fetch", "check"}));
  EXPECT_EQ(driven(run.state, 1), (driven_branch{.run = {}, .is = driven_branch::role::one_of_many, .step = "check"}));
  EXPECT_EQ(run.state.status(), run_status::pending);
}

TEST(dependencies, the_first_that_can_begin_goes_on_along_the_branch_and_the_others_open_theirs) {
  driven_run run = begun();
  const decision made = run.succeed_at("fetch");
  EXPECT_EQ(facts_of(made), texts{"step_completed fetch"});
  EXPECT_EQ(next_of(run, made), "parse");
  EXPECT_EQ(made.job.is, change::keep);
  EXPECT_EQ(run.names_of(made.opened), (texts{"count", "rest"}));
  EXPECT_EQ(run.current("fetch"), "parse");
  EXPECT_EQ(made.status->status, run_status::running);
}

TEST(dependencies, opened_branches_get_jobs_that_name_them) {
  driven_run run = begun();
  run.state.queue = run.history.run.queue = "default";
  run.state.priority = run.history.run.priority = 3;
  commit whole;
  const decision made = run.succeed_at("fetch");
  add_to(whole, run.state, made, delivery{.job = {.value = 7}, .attempt = 1, .holder = "h"});
  ASSERT_EQ(whole.inserts.size(), 2U);
  EXPECT_EQ(whole.inserts[0].drives, driven(run.state, run.index_of("count")));
  EXPECT_EQ(whole.inserts[0].queue, "default");
  EXPECT_EQ(whole.inserts[0].priority, 3);
  ASSERT_EQ(whole.jobs.size(), 1U);
  EXPECT_FALSE(whole.jobs[0].releases);
}

TEST(dependencies, a_branch_whose_join_is_not_ready_ends_and_lets_its_job_go) {
  driven_run run = fanned_out();
  const decision made = run.succeed_at("parse");
  EXPECT_FALSE(made.run_next);
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(made.releases, run.index_of("fetch"));
  EXPECT_EQ(run.current("fetch"), "");
}

TEST(dependencies, a_join_runs_once_on_the_branch_of_its_last_dependency) {
  driven_run run = fanned_out();
  run.succeed_at("check");
  run.now += 5s;
  EXPECT_EQ(facts_of(run.deliver_to("rest")), texts{"step_completed rest"});
  run.succeed_at("parse");
  EXPECT_EQ(run.progress_of("report").status, step_status::pending);
  const decision last = run.succeed_at("count");
  EXPECT_EQ(next_of(run, last), "report");
  EXPECT_TRUE(last.opened.empty());
  EXPECT_EQ(run.current("count"), "report");
  EXPECT_EQ(run.progress_of("report").visits, 1);
  const decision end = run.succeed_at("report");
  EXPECT_EQ(end.status->status, run_status::completed);
  EXPECT_TRUE(end.retires_jobs);
}

TEST(dependencies, a_branch_that_has_ended_only_lets_its_job_go) {
  driven_run run = fanned_out();
  run.succeed_at("parse");
  const decision made = run.deliver_to("fetch");
  EXPECT_TRUE(made.facts.empty());
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(made.releases, run.index_of("fetch"));
  EXPECT_EQ(run.deliver_to("fetch", 2).facts.size(), 0U);
}

// -- Queues

TEST(dependencies, work_moves_to_the_queue_of_the_step) {
  driven_run run(read_workflow(R"([
      {"name": "a"}, {"name": "b", "after": ["a"], "queue": "gpu"}, {"name": "c", "after": ["b"]}])"));
  run.state.queue = run.history.run.queue = run.queue = "default";
  run.deliver_to("a");
  const decision made = run.succeed_at("a");
  EXPECT_FALSE(made.run_next);
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_FALSE(made.releases);
  EXPECT_EQ(run.names_of(made.opened), texts{"a"}) << "the branch goes on, with another job";
  commit whole;
  add_to(whole, run.state, made, std::nullopt);
  EXPECT_EQ(whole.inserts.at(0).queue, "gpu");
  run.queue = "gpu";
  EXPECT_EQ(next_of(run, run.deliver_to("a")), "b");
  const decision back = run.succeed_at("b");
  EXPECT_EQ(run.names_of(back.opened), texts{"a"}) << "the next step is the run's queue's again";
}

TEST(dependencies, a_job_on_the_wrong_queue_is_replaced) {
  driven_run run(read_workflow(R"([{"name": "a", "queue": "gpu"}, {"name": "b", "after": ["a"]}])"));
  run.state.queue = run.history.run.queue = run.queue = "default";
  const decision made = run.deliver_to("a");
  EXPECT_TRUE(made.facts.empty());
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(run.names_of(made.opened), texts{"a"});
}

// -- Failures

TEST(dependencies, after_a_final_failure_nothing_new_begins_and_results_in_flight_are_kept) {
  driven_run run = fanned_out();
  const decision failed = run.fail_at("parse", permanent("no"));
  EXPECT_EQ(failed.job.is, change::finish);
  EXPECT_FALSE(failed.status) << "it is running while anything is in flight";
  EXPECT_FALSE(failed.retires_jobs);
  EXPECT_EQ(run.progress_of("rest").status, step_status::cancelled) << "nobody is at a wait";
  EXPECT_TRUE(run.is_active("count"));

  EXPECT_EQ(facts_of(run.succeed_at("count", 2)), texts{"step_completed count"});
  EXPECT_EQ(run.state.context.at("counted"), 2);
  const decision last = run.succeed_at("check", 3);
  EXPECT_EQ(last.status->status, run_status::failed);
  EXPECT_TRUE(last.retires_jobs);
  EXPECT_EQ(run.state.error->at("message"), "no");
  EXPECT_EQ(run.progress_of("check").status, step_status::completed);
}

TEST(dependencies, a_step_that_has_not_begun_is_skipped_when_its_job_comes) {
  driven_run run = begun();
  run.succeed_at("fetch");
  run.fail_at("parse", permanent("no"));
  run.fail_at("check", permanent("no, too"));
  const decision made = run.deliver_to("count");
  EXPECT_EQ(facts_of(made), texts{"step_skipped count"});
  EXPECT_FALSE(made.run_next);
  EXPECT_EQ(run.progress_of("count").status, step_status::skipped);
  EXPECT_FALSE(run.state.ended);
  EXPECT_EQ(run.deliver_to("rest").status->status, run_status::failed);
  EXPECT_EQ(run.state.error->at("message"), "no") << "the first failure is why";
}

TEST(dependencies, while_a_run_fails_no_failure_is_retried) {
  driven_run run = fanned_out();
  run.fail_at("parse", permanent("no"));
  const decision made = run.fail_at("check", retryable("flaked"));
  EXPECT_FALSE(json::parse(made.facts.at(0).data).contains("retry_at"));
  EXPECT_EQ(made.job.is, change::finish);
}

TEST(dependencies, a_retry_that_is_not_due_is_stopped_with_the_waits) {
  driven_run run = fanned_out();
  run.fail_at("check", retryable("flaked"));
  run.now += 999ms;
  run.succeed_at("count");
  run.fail_at("parse", permanent("no"));
  EXPECT_EQ(run.progress_of("check").status, step_status::cancelled);
  EXPECT_EQ(run.state.status(), run_status::failed);
  const decision late = run.deliver_to("check");
  EXPECT_EQ(late.job.is, change::finish);
  EXPECT_TRUE(late.facts.empty());
}

TEST(dependencies, a_retry_that_is_due_may_be_in_flight_and_its_result_is_kept) {
  driven_run run = fanned_out();
  run.fail_at("check", retryable("flaked"));
  run.now += 1s;
  EXPECT_EQ(next_of(run, run.deliver_to("check")), "check");
  run.succeed_at("count");
  run.fail_at("parse", permanent("no"));
  EXPECT_TRUE(run.is_active("check"));
  EXPECT_EQ(facts_of(run.succeed_at("check", 7)), texts{"step_completed check"});
  EXPECT_EQ(run.state.context.at("checked"), 7);
  EXPECT_EQ(run.state.status(), run_status::failed);
}

/// Somebody made the job available: the journal has to know that a worker may be at the step from now on.
TEST(dependencies, a_retry_whose_job_comes_early_begins_and_is_in_flight) {
  driven_run run = fanned_out();
  run.fail_at("check", retryable("flaked"));
  const decision early = run.deliver_to("check");
  EXPECT_EQ(facts_of(early), texts{"woken_early check"});
  EXPECT_EQ(next_of(run, early), "check");
  run.fail_at("parse", permanent("no"));
  EXPECT_TRUE(run.is_active("check"));
}

TEST(dependencies, a_worker_that_dies_while_the_run_fails_is_not_replaced) {
  driven_run run = fanned_out();
  run.fail_at("parse", permanent("no"));
  run.succeed_at("count");
  const decision made = run.die("check");
  EXPECT_EQ(facts_of(made), texts{"attempt_lost check"});
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(made.status->status, run_status::failed);
}

TEST(dependencies, an_interrupted_step_does_not_begin_again_while_the_run_fails) {
  driven_run run = fanned_out();
  run.fail_at("parse", permanent("no"));
  EXPECT_EQ(run.on(event::interrupted{run.attempt("count")}).job.is, change::give_back);
  EXPECT_EQ(facts_of(run.deliver_to("count")), texts{"step_skipped count"});
}

// -- Status

TEST(dependencies, a_retry_shows_as_long_as_it_lasts_whatever_siblings_do) {
  driven_run run = fanned_out();
  EXPECT_EQ(run.fail_at("check", retryable("flaked")).status->status, run_status::retrying);
  EXPECT_FALSE(run.succeed_at("parse").status);
  run.now += 1s;
  EXPECT_FALSE(run.deliver_to("check").status);
  EXPECT_EQ(run.succeed_at("check").status->status, run_status::running);
}

TEST(dependencies, a_run_is_paused_when_nothing_but_gates_is_left) {
  driven_run run(read_workflow(
      R"([{"name": "gate", "kind": "pause"}, {"name": "work"}, {"name": "end", "after": ["gate", "work"]}])"));
  EXPECT_EQ(run.deliver_to("gate").status->status, run_status::running);
  run.deliver_to("work");
  EXPECT_EQ(run.succeed_at("work").status->status, run_status::paused);
}

// -- What steps see

TEST(dependencies, a_step_sees_the_payload_and_what_is_before_it) {
  driven_run run(workflow(), R"({"given": 1})");
  run.deliver_to("fetch");
  run.deliver_to("check");
  run.succeed_at("check", 3);
  run.succeed_at("fetch", 2);
  EXPECT_EQ(input_of(run.state, run.index_of("count")), (json{{"given", 1}, {"fetched", 2}}))
      << "check has completed, but is not before it";
  EXPECT_EQ(input_of(run.state, run.index_of("fetch")), (json{{"given", 1}}));
  run.succeed_at("parse", 4);
  EXPECT_EQ(input_of(run.state, run.index_of("report")),
            (json{{"given", 1}, {"fetched", 2}, {"checked", 3}, {"parsed", 4}}));
}

TEST(dependencies, of_two_values_a_step_sees_the_later_one_whatever_the_order_of_declaration) {
  driven_run run(read_workflow(
      R"([{"name": "third", "after": ["second"]}, {"name": "second", "after": ["first"]}, {"name": "first"}])"));
  run.deliver_to("first");
  run.succeed_at("first", {{"a", 1}, {"b", 1}});
  run.succeed_at("second", {{"a", 2}});
  EXPECT_EQ(input_of(run.state, run.index_of("third")), (json{{"a", 2}, {"b", 1}}));
}

}  // namespace
}  // namespace squid_mesh::testing
