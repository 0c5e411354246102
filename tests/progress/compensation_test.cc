// Making good what a run did before it failed.
#include "progress/decide.h"
#include "progress/driven_run.h"
#include "progress/policy.h"

#include <squid_mesh/compensation.hpp>

#include <gtest/gtest.h>

#include <string>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using change = job_change::kind;
using how = event::compensation_resolved::how;

const error no = permanent("no");

/// reserve (compensated, 2 attempts) -> note -> charge (compensated) -> ship
std::shared_ptr<const definition> order() {
  return read_workflow(
      R"([{"name": "reserve", "output": "stock", "queue": "store", "compensate":
              {"retry": {"max_attempts": 2, "backoff": {"min_ms": 1000, "max_ms": 1000}}}},
          {"name": "note"}, {"name": "charge", "compensate": {}}, {"name": "ship"}])",
      R"([{"from": "reserve", "to": "note"}, {"from": "note", "to": "charge"}, {"from": "charge", "to": "ship"},
          {"from": "ship", "to": "complete"}])");
}

/// All but the last step have completed.
driven_run at_ship() {
  driven_run run(order(), R"({"sku": "A1"})");
  run.queue = "store";
  run.deliver();
  run.succeed({{"id", 7}});
  run.queue = "";
  run.succeed({{"noted", true}});
  run.succeed({{"paid", 12}});
  return run;
}

driven_run compensating() {
  driven_run run = at_ship();
  run.fail(no);
  return run;
}

/// The compensation of charge has failed.
driven_run blocked() {
  driven_run run = compensating();
  run.fail(no);
  return run;
}

TEST(Compensation, GoesBackwardsThroughWhatCompleted) {
  driven_run run = at_ship();
  decision made = run.fail(no);
  EXPECT_EQ(facts_of(made), texts({"step_failed ship"}));
  EXPECT_EQ(next_of(run, made), "charge.compensate");
  EXPECT_EQ(made.job.is, change::keep);
  EXPECT_EQ(run.state.status(), run_status::running);
  made = run.succeed("any value");
  EXPECT_EQ(facts_of(made), texts({"step_completed charge.compensate"}));
  EXPECT_EQ(next_of(run, made), "reserve.compensate");
  EXPECT_FALSE(made.status);
  made = run.succeed(nullptr);
  EXPECT_EQ(made.status, (status_change{.status = run_status::failed, .ended_at = run.now}));
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(run.state.error->at("message"), "no");
  EXPECT_FALSE(run.state.context.contains("any value"));
}

TEST(Compensation, ReadsWhatTheStepReadAndReturnedAndWhyTheRunFails) {
  const driven_run run = compensating();
  const auto input = input_of(run.state, run.index_of("charge.compensate"));
  ASSERT_TRUE(input);
  const compensation_input read = *input;
  EXPECT_EQ(read.payload, json({{"sku", "A1"}}));
  EXPECT_EQ(read.input, json({{"sku", "A1"}, {"stock", {{"id", 7}}}, {"noted", true}}));
  EXPECT_EQ(read.output, json({{"paid", 12}}));
  EXPECT_EQ(read.context.at("paid"), 12);
  EXPECT_EQ(read.failure.at("message"), "no");
}

TEST(Compensation, GoesOnOnTheQueueOfItsStep) {
  driven_run run = compensating();
  run.queue = "elsewhere";
  const decision made = run.succeed();
  EXPECT_FALSE(made.run_next);
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(made.opened, std::vector<std::size_t>({0}));
}

TEST(Compensation, IsNotOfStepsThatHaveNotCompleted) {
  driven_run run(order());
  run.deliver();
  EXPECT_EQ(run.fail(no).status->status, run_status::failed);
}

TEST(Compensation, IsNotForFailuresWithARoute) {
  driven_run run(read_workflow(R"([{"name": "a", "compensate": {}}, {"name": "b"}, {"name": "mend"}])",
                               R"([{"from": "a", "to": "b"}, {"from": "b", "to": "complete"},
                                   {"from": "b", "on": "error", "to": "mend"}, {"from": "mend", "to": "complete"}])"));
  run.deliver();
  run.succeed();
  EXPECT_EQ(next_of(run, run.fail(no)), "mend");
  EXPECT_EQ(run.succeed().status->status, run_status::completed);
}

TEST(Compensation, OfALoopIsOnceForEachVisit) {
  driven_run run(read_workflow(R"([{"name": "a", "output": "n", "compensate": {}}, {"name": "b"}])",
                               R"([{"from": "a", "to": "a", "at_most": 1}, {"from": "a", "to": "b"},
                                   {"from": "b", "to": "complete"}])"));
  run.deliver();
  run.succeed(1);
  run.succeed(2);
  run.fail(no);
  const std::size_t compensation = run.index_of("a.compensate");
  EXPECT_EQ(input_of(run.state, compensation)->at("output"), 2);
  run.succeed();
  EXPECT_EQ(input_of(run.state, compensation)->at("output"), 1);
  EXPECT_EQ(run.progress_of("a.compensate").visits, 2);
  EXPECT_EQ(run.succeed().status->status, run_status::failed);
}

TEST(Compensation, IsTriedAgainByItsOwnPolicy) {
  driven_run run = compensating();
  run.succeed();
  const decision made = run.fail(retryable("flaked"));
  EXPECT_EQ(made.job, (job_change{.is = change::snooze, .at = run.now + 1s}));
  EXPECT_EQ(run.state.status(), run_status::retrying);
  run.now += 1s;
  EXPECT_EQ(next_of(run, run.deliver()), "reserve.compensate");
  EXPECT_EQ(run.succeed().status->status, run_status::failed);
}

TEST(Compensation, IsRepeatedWhenItsWorkerDies) {
  driven_run run = compensating();
  decision made = run.die();
  EXPECT_EQ(facts_of(made), texts({"attempt_lost charge.compensate"}));
  EXPECT_EQ(made.job.is, change::give_back);
  EXPECT_EQ(next_of(run, run.deliver()), "charge.compensate");
}

TEST(Compensation, WaitsForAProcessThatHasIt) {
  driven_run run = compensating();
  const decision made = run.park();
  EXPECT_EQ(facts_of(made), texts({"step_parked charge.compensate"}));
  EXPECT_EQ(made.job.is, change::snooze);
  EXPECT_EQ(next_of(run, run.deliver()), "charge.compensate");
}

// -- One that fails for good

TEST(FailedCompensation, WaitsForAPerson) {
  driven_run run = compensating();
  const decision made = run.fail(no);
  EXPECT_EQ(made.status, (status_change{.status = run_status::paused}));
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(made.releases, 0U);
  EXPECT_FALSE(made.run_next);
  EXPECT_EQ(run.progress_of("charge.compensate").status, step_status::failed);
}

TEST(FailedCompensation, DoesNotRunForAJobThatSomebodyMade) {
  driven_run run = blocked();
  for (const int attempt : {1, 2}) {
    const decision made = run.deliver(attempt);
    EXPECT_FALSE(made.run_next);
    EXPECT_EQ(made.job.is, change::finish);
    EXPECT_EQ(run.state.status(), run_status::paused);
  }
  EXPECT_EQ(facts_of(run.die()), texts({"worker_lost charge.compensate"}));
}

TEST(FailedCompensation, IsRetried) {
  driven_run run = blocked();
  const decision made = run.on(event::compensation_resolved{.by = {.actor = "ada"}, .as = how::retried});
  EXPECT_EQ(facts_of(made), texts({"compensation_resolved charge.compensate"}));
  EXPECT_EQ(made.woken, std::vector<std::size_t>({0}));
  EXPECT_EQ(made.status->status, run_status::running);
  EXPECT_EQ(next_of(run, run.deliver()), "charge.compensate");
  EXPECT_EQ(next_of(run, run.succeed()), "reserve.compensate");
}

TEST(FailedCompensation, IsSkippedOrDone) {
  for (const how as : {how::skipped, how::done}) {
    driven_run run = blocked();
    const decision made = run.on(event::compensation_resolved{.by = {.actor = "ada", .reason = "by hand"}, .as = as});
    EXPECT_EQ(run.progress_of("charge.compensate").status,
              as == how::done ? step_status::completed : step_status::skipped);
    EXPECT_EQ(made.woken, std::vector<std::size_t>({0}));
    EXPECT_EQ(next_of(run, run.deliver()), "reserve.compensate");
    EXPECT_EQ(run.succeed().status->status, run_status::failed);
  }
}

TEST(FailedCompensation, AsTheLastOneEndsTheRunWhenItIsSkipped) {
  driven_run run = compensating();
  run.succeed();
  run.fail(no);
  const decision made =
      run.on(event::compensation_resolved{.by = {.actor = "ada", .reason = "lost"}, .as = how::skipped});
  EXPECT_EQ(made.status, (status_change{.status = run_status::failed, .ended_at = run.now}));
  EXPECT_TRUE(made.retires_jobs);
  EXPECT_TRUE(made.woken.empty());
}

TEST(FailedCompensation, IsNotThereToResolveOtherwise) {
  driven_run running = compensating();
  EXPECT_EQ(refusal_of(running.on(event::compensation_resolved{})), "no_failed_compensation");
  driven_run ended(order());
  ended.deliver();
  ended.fail(no);
  EXPECT_EQ(refusal_of(ended.on(event::compensation_resolved{})), "run_has_ended");
}

TEST(FailedCompensation, IsResolvedOnceUnderOneKey) {
  driven_run run = blocked();
  const event::compensation_resolved retry{.by = {.key = "k"}, .as = how::retried};
  run.on(retry);
  EXPECT_TRUE(run.on(retry).repeated);
}

// -- Beside other ends

TEST(Compensation, OfACompensatedRunLeavesNothingToRetry) {
  driven_run run = compensating();
  run.succeed();
  run.succeed();
  EXPECT_EQ(refusal_of(run.on(event::retried{})), "compensated");
}

TEST(Compensation, IsStoppedByCancelling) {
  driven_run run = blocked();
  EXPECT_EQ(run.on(event::cancelled{.by = {.actor = "ada"}, .idle = {}}).status->status, run_status::cancelled);

  run = compensating();
  run.on(event::cancelled{.by = {.actor = "ada"}, .idle = {}});
  EXPECT_EQ(run.state.status(), run_status::cancelling);
  const decision made = run.succeed();
  EXPECT_EQ(facts_of(made), texts({"attempt_discarded charge.compensate"}));
  EXPECT_EQ(made.status->status, run_status::cancelled);
}

TEST(Compensation, IsNotForCancelledRuns) {
  driven_run run = at_ship();
  run.on(event::cancelled{.by = {.actor = "ada"}, .idle = {}});
  EXPECT_EQ(run.succeed().status->status, run_status::cancelled);
}

TEST(Compensation, FollowsADeadline) {
  driven_run run = at_ship();
  const decision passed = run.on(event::deadline_reached{.idle = {0}});
  EXPECT_EQ(run.current(), "charge.compensate");
  EXPECT_EQ(passed.woken, std::vector<std::size_t>({0}));
  EXPECT_EQ(next_of(run, run.deliver()), "charge.compensate");
  EXPECT_TRUE(run.on(event::deadline_reached{.idle = {0}}).facts.empty());
}

TEST(Compensation, OfAnAttemptThatADeadlineOvertookIsDueToo) {
  driven_run run(order(), R"({"sku": "A1"})");
  run.deliver();
  run.on(event::deadline_reached{.idle = {}});
  EXPECT_EQ(run.state.status(), run_status::cancelling);
  const decision made = run.succeed({{"id", 7}});
  EXPECT_EQ(facts_of(made), texts({"attempt_discarded reserve"}));
  EXPECT_EQ(next_of(run, made), "reserve.compensate");
  EXPECT_EQ(input_of(run.state, run.index_of("reserve.compensate"))->at("output"), json({{"id", 7}}));
}

TEST(Compensation, GoesOnWithTheJobOfAnAttemptThatWasTakenForIdle) {
  driven_run run = at_ship();
  const event::attempt late = run.attempt();
  // Somebody got the job between the look at it and the deadline's fact.
  run.on(event::deadline_reached{.idle = {0}});
  ASSERT_EQ(run.current(), "charge.compensate");
  const decision made = run.on(event::failed{late, no});
  EXPECT_EQ(facts_of(made), texts({"attempt_discarded ship"}));
  EXPECT_EQ(made.job.is, change::give_back);
  EXPECT_FALSE(made.releases);
  EXPECT_EQ(next_of(run, run.deliver()), "charge.compensate");
}

TEST(Compensation, OfParallelStepsBeginsWhenTheLastOneHasEnded) {
  driven_run run(read_workflow(R"([{"name": "a", "output": "a", "compensate": {}},
                                   {"name": "b", "output": "b", "compensate": {}}, {"name": "c"},
                                   {"name": "end", "after": ["a", "b", "c"]}])"));
  for (const char* branch : {"a", "b", "c"}) run.deliver_to(branch);
  run.succeed_at("b", 1);
  EXPECT_FALSE(run.fail_at("c", no).run_next);
  const decision made = run.succeed_at("a", 2);
  EXPECT_EQ(next_of(run, made), "a.compensate");
  EXPECT_EQ(made.job.is, change::keep);
  EXPECT_EQ(run.current("a"), "a.compensate");
  EXPECT_EQ(next_of(run, run.succeed_at("a.compensate")), "b.compensate");
  const decision last = run.succeed_at("b.compensate");
  EXPECT_EQ(last.status->status, run_status::failed);
  EXPECT_TRUE(last.retires_jobs);
}

TEST(Compensation, IsFoldedFromTheJournal) {
  driven_run run = blocked();
  run.on(event::compensation_resolved{.by = {.actor = "ada", .reason = "by hand"}, .as = how::done});
  const auto folded = fold(run.state.definition, run.history);
  ASSERT_TRUE(folded);
  EXPECT_TRUE(folded->compensating);
  EXPECT_EQ(folded->compensated->step, run.index_of("reserve"));
  EXPECT_EQ(folded->at(0), run.index_of("reserve.compensate"));
}

}  // namespace
}  // namespace squid_mesh::testing
