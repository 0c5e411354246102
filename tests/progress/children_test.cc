// Steps that start a run and wait for its end.
#include "model/run_job.h"
#include "model/run_origin.h"
#include "progress/decide.h"
#include "progress/driven_run.h"

#include <gtest/gtest.h>

#include <string>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using change = job_change::kind;

const run_id child_id = run_id::parse("01920000-0000-7000-8000-000000000001").value();

/// ship (2 attempts) -> last
std::shared_ptr<const definition> shipping() {
  return read_workflow(R"([{"name": "ship", "kind": "child", "child": {"workflow": "deliver"}, "output": "shipped",
                            "retry": {"max_attempts": 2, "backoff": {"min_ms": 1000, "max_ms": 1000}}},
                           {"name": "last"}])",
                       R"([{"from": "ship", "to": "last"}, {"from": "last", "to": "complete"}])");
}

event::child_planned planned(const driven_run& run, std::string_view step = "ship") {
  commit start;
  start.run = child_id;
  start.start = run_record{.id = child_id, .workflow = "deliver"};
  start.inserts.push_back(run_job({.run = child_id}, "q"));
  return {.of = run.attempt(step), .start = std::move(start)};
}

event::child_ended ended(const driven_run& run, result<json> outcome) {
  return {.step = run.index_of("ship"), .child = child_id, .outcome = std::move(outcome)};
}

driven_run waiting() {
  driven_run run(shipping());
  run.deliver();
  run.on(planned(run));
  return run;
}

TEST(Child, BeginsWithTheFactThatSaysSo) {
  driven_run run(shipping());
  EXPECT_EQ(next_of(run, run.deliver()), "ship");
  const decision made = run.on(planned(run));
  EXPECT_EQ(facts_of(made), texts({"child_started ship"}));
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(made.releases, 0U);
  EXPECT_EQ(made.status->status, run_status::running);
  EXPECT_EQ(run.progress_of("ship").status, step_status::waiting);
  EXPECT_EQ(run.progress_of("ship").attempts, 0);
  commit whole;
  add_to(whole, run.state, made, delivery{});
  EXPECT_EQ(whole.start->id, child_id);
  EXPECT_EQ(whole.inserts.size(), 1U);
}

TEST(Child, IsLookedAtWhenItWakesTheStep) {
  driven_run run = waiting();
  decision made = run.deliver();
  EXPECT_TRUE(made.facts.empty());
  EXPECT_EQ(next_of(run, made), "ship");
  made = run.on(ended(run, json{{"parcel", 9}}));
  EXPECT_EQ(facts_of(made), texts({"step_completed ship"}));
  EXPECT_EQ(next_of(run, made), "last");
  EXPECT_EQ(run.state.context.at("shipped"), json({{"parcel", 9}}));
}

TEST(Child, IsLookedAtAgainWhileItGoesOn) {
  driven_run run = waiting();
  run.deliver();
  const decision made = run.on(event::child_goes_on{.step = run.index_of("ship"), .child = child_id});
  EXPECT_TRUE(made.facts.empty());
  EXPECT_EQ(made.job.is, change::snooze);
  EXPECT_GT(made.job.at, run.now);
}

TEST(Child, ThatFailsIsAFailureOfTheStep) {
  driven_run run = waiting();
  run.deliver();
  decision made = run.on(ended(run, std::unexpected(retryable("no parcels"))));
  EXPECT_EQ(facts_of(made), texts({"step_failed ship"}));
  EXPECT_EQ(made.job, (job_change{.is = change::snooze, .at = run.now + 1s}));
  EXPECT_EQ(run.state.status(), run_status::retrying);
  run.now += 1s;
  EXPECT_EQ(next_of(run, run.deliver()), "ship");
  made = run.on(planned(run));
  EXPECT_EQ(facts_of(made), texts({"child_started ship"}));
  run.deliver();
  EXPECT_EQ(run.on(ended(run, std::unexpected(retryable("no parcels")))).status->status, run_status::failed);
}

TEST(Child, OfAnotherAttemptIsNotHeard) {
  driven_run run = waiting();
  event::child_ended other = ended(run, json());
  other.child = run_id{};
  EXPECT_TRUE(run.on(other).stale);
  EXPECT_TRUE(run.on(planned(run)).stale);
}

TEST(Child, IsNotStartedAgainWhenAWorkerDies) {
  driven_run run = waiting();
  EXPECT_EQ(facts_of(run.die()), texts({"worker_lost ship"}));
  EXPECT_EQ(next_of(run, run.deliver(2)), "ship");
  EXPECT_EQ(run.progress_of("ship").child, child_id);
}

TEST(Child, IsCancelledAlongWithItsParent) {
  driven_run run = waiting();
  const decision made = run.on(event::cancelled{.by = {}, .idle = {0}, .has_children = true});
  EXPECT_EQ(made.status->status, run_status::cancelled);
  EXPECT_TRUE(made.cancels_children);
  commit whole;
  add_to(whole, run.state, made, std::nullopt);
  ASSERT_EQ(whole.inserts.size(), 1U);
  EXPECT_EQ(whole.inserts.front().worker, children_worker_name);
}

TEST(Child, ThatAStepMayHaveStartedSinceIsCancelledAtTheEnd) {
  driven_run run(shipping());
  run.deliver();
  EXPECT_FALSE(run.on(event::cancelled{}).cancels_children);
  const decision made = run.interrupt();
  EXPECT_EQ(made.status->status, run_status::cancelled);
  EXPECT_TRUE(made.cancels_children);
}

TEST(Child, IsWaitedForWhenAStepBesideItFails) {
  driven_run run(read_workflow(R"([{"name": "ship", "kind": "child", "child": {"workflow": "deliver"}, "compensate": {},
                                    "retry": {"max_attempts": 5}},
                                   {"name": "bill"}, {"name": "end", "after": ["ship", "bill"]}])"));
  run.deliver_to("ship");
  run.deliver_to("bill");
  run.on(planned(run));
  run.fail_at("bill", permanent("no"));
  EXPECT_TRUE(run.is_active("ship"));
  EXPECT_FALSE(run.state.ended);
  run.deliver_to("ship");
  driven_run failing = run;
  EXPECT_EQ(next_of(run, run.on(ended(run, json{{"parcel", 9}}))), "ship.compensate");
  const decision made = failing.on(ended(failing, std::unexpected(retryable("lost"))));
  EXPECT_EQ(made.status->status, run_status::failed) << "it isn't tried again";
}

TEST(Child, WakesItsParentWhenItEnds) {
  driven_run run(read_workflow(R"([{"name": "only"}])", R"([{"from": "only", "to": "complete"}])"));
  const run_id parent = run_id::parse("01920000-0000-7000-8000-000000000002").value();
  run.history.run.parent = parent;
  run.history.run.origin = json{{"parent", to_json(parent_link{.run = parent,
                                                               .step = "ship",
                                                               .key = "ship",
                                                               .waiting = driven_branch{.run = parent},
                                                               .queue = "orders",
                                                               .priority = 3})}}
                               .dump();
  run.state = begin(run.state.definition, run.history.run).value();
  run.deliver();
  const decision made = run.succeed();
  EXPECT_TRUE(made.wakes_parent);
  commit whole;
  add_to(whole, run.state, made, delivery{});
  ASSERT_EQ(whole.wakes.size(), 1U);
  EXPECT_EQ(whole.wakes.front().drives, driven_branch{.run = parent});
  EXPECT_EQ(whole.wakes.front().queue, "orders");
  EXPECT_EQ(whole.wakes.front().priority, 3);
}

TEST(Child, OfADependencyIsOneBranchesAffair) {
  driven_run run(read_workflow(R"([{"name": "ship", "kind": "child", "child": {"workflow": "deliver"}},
                                   {"name": "bill"}, {"name": "end", "after": ["ship", "bill"]}])"));
  run.deliver_to("ship");
  run.deliver_to("bill");
  const decision made = run.on(planned(run));
  EXPECT_EQ(made.releases, run.index_of("ship"));
  run.succeed_at("bill");
  run.deliver_to("ship");
  EXPECT_EQ(next_of(run, run.on(ended(run, json{{"parcel", 9}}))), "end");
}

}  // namespace
}  // namespace squid_mesh::testing
