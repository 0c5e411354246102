// What becomes of jobs, in virtual time.
#include "jobs/job_world.h"
#include "model/run_job.h"
#include "telemetry/recorder.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace squid_mesh::inline v1 {
namespace {

using namespace std::chrono_literals;
using jobs::state;

class JobRules : public ::testing::Test {
 protected:
  /// A node whose handler for "w" this is.
  std::unique_ptr<testing::job_process> node(jobs::job_handler handler, const std::string& name = "a",
                                             std::size_t limit = 10) {
    auto made = std::make_unique<testing::job_process>(world, name, limit);
    made->handle("w", std::move(handler));
    made->begin();
    return made;
  }
  /// Lets the node work at this instant, and returns the job as it is then.
  jobs::job after_work(testing::job_process& process, job_id id) {
    process.settle();
    return world.find(id);
  }

  testing::job_world world;
};

/// A run whose job is there.
commit started_run() {
  const run_id id{.value = {.bytes = {1}}};
  commit start{.start = run_record{.id = id, .workflow = "w", .definition = "f", .trigger = "t", .payload = "{}"},
               .run = id};
  start.inserts.push_back(run_job({.run = id}, "default"));
  return start;
}

jobs::outcome succeed(const jobs::job& /*work*/, std::stop_token /*stop*/) { return jobs::done(); }

TEST_F(JobRules, ScheduledJobsRunWhenDueAndNotBefore) {
  const auto worker = node(succeed);
  const job_id id = world.enqueue({.worker = "w", .scheduled_at = world.now() + 60s});
  world.advance(60s - 1us);
  EXPECT_EQ(after_work(*worker, id).state, state::scheduled);
  world.advance(1s);
  const jobs::job ended = after_work(*worker, id);
  EXPECT_EQ(ended.state, state::completed);
  EXPECT_EQ(ended.attempt, 1);
  EXPECT_EQ(ended.completed_at, world.now());
}

TEST_F(JobRules, LowerPriorityNumbersGoFirstThenOlderJobs) {
  std::vector<int> order;
  for (const int priority : {5, 0, 9, 0}) {
    world.enqueue({.worker = "w", .args = {{"n", order.size()}}, .priority = priority});
  }
  const auto worker = node(
      [&](const jobs::job& work, std::stop_token) {
        order.push_back(static_cast<int>(work.id.value));
        return jobs::done();
      },
      "a", 1);
  worker->settle();
  EXPECT_EQ(order, (std::vector{2, 4, 1, 3}));
}

TEST_F(JobRules, ANodeClaimsNoMoreThanItsLimit) {
  const auto worker = node(succeed, "a", 3);
  for (int i = 0; i < 10; ++i) world.enqueue({.worker = "w"});
  for (int i = 0; i < 5; ++i) {
    world.advance(1s);
    worker->turn();
    EXPECT_EQ(worker->claimed(), 3U);
  }
}

TEST_F(JobRules, FailuresAreNotedAndComeBackAfterTheBackoff) {
  const auto worker = node([](const auto&, auto) { return jobs::failed("no luck"); });
  const job_id id = world.enqueue({.worker = "w", .max_attempts = 2});
  const jobs::job failed = after_work(*worker, id);
  EXPECT_EQ(failed.state, state::retryable);
  ASSERT_EQ(failed.errors.size(), 1U);
  EXPECT_EQ(failed.errors[0].at("error"), "no luck");
  EXPECT_EQ(failed.errors[0].at("attempt"), 1);
  const microseconds backoff = jobs::default_backoff(1, 2);
  EXPECT_GE(failed.scheduled_at, world.now() + backoff);
  EXPECT_LE(failed.scheduled_at, world.now() + backoff * 11 / 10);
  world.advance(backoff * 11 / 10 + 1s);
  const jobs::job discarded = after_work(*worker, id);
  EXPECT_EQ(discarded.state, state::discarded);
  EXPECT_EQ(discarded.attempt, 2);
  EXPECT_EQ(discarded.errors.size(), 2U);
  EXPECT_TRUE(discarded.discarded_at);
}

TEST_F(JobRules, AFailureMayNameItsOwnDelay) {
  const auto worker = node([](const auto&, auto) { return jobs::failed("busy", 5s); });
  const job_id id = world.enqueue({.worker = "w"});
  EXPECT_EQ(after_work(*worker, id).scheduled_at, world.now() + 5s);
}

TEST_F(JobRules, ASnoozeIsNotAnAttempt) {
  const auto worker = node([](const auto&, auto) { return jobs::snooze(5s); });
  const job_id id = world.enqueue({.worker = "w", .max_attempts = 1});
  for (int i = 0; i < 3; ++i) {
    const jobs::job snoozed = after_work(*worker, id);
    EXPECT_EQ(snoozed.state, state::scheduled);
    EXPECT_EQ(snoozed.attempt, 0);
    EXPECT_EQ(snoozed.scheduled_at, world.now() + 5s);
    EXPECT_TRUE(snoozed.errors.empty());
    world.advance(6s);
  }
}

TEST_F(JobRules, HandlersMayCancelAndDiscard) {
  const auto worker = node([](const jobs::job& work, auto) {
    return work.args.contains("cancel") ? jobs::cancel("unwanted") : jobs::discard("broken");
  });
  const job_id cancelled = world.enqueue({.worker = "w", .args = {{"cancel", true}}});
  const job_id discarded = world.enqueue({.worker = "w"});
  worker->settle();
  EXPECT_EQ(world.find(cancelled).state, state::cancelled);
  EXPECT_TRUE(world.find(cancelled).cancelled_at);
  EXPECT_EQ(world.find(discarded).state, state::discarded);
  EXPECT_EQ(world.find(discarded).errors[0].at("error"), "broken");
}

TEST_F(JobRules, AnExceptionIsAFailureWithItsText) {
  const auto worker = node([](const auto&, auto) -> jobs::outcome { throw std::runtime_error("out of paper"); });
  const job_id id = world.enqueue({.worker = "w"});
  const jobs::job failed = after_work(*worker, id);
  EXPECT_EQ(failed.state, state::retryable);
  EXPECT_EQ(failed.errors[0].at("error"), "out of paper");
}

TEST_F(JobRules, AJobWithoutAHandlerFailsAndSaysWhy) {
  const auto worker = node(succeed);
  const job_id id = world.enqueue({.worker = "stranger"});
  const jobs::job failed = after_work(*worker, id);
  EXPECT_EQ(failed.state, state::retryable);
  EXPECT_NE(failed.errors[0].at("error").get<std::string>().find("no handler for worker stranger"), std::string::npos);
}

TEST_F(JobRules, TheJobOfADeadNodeIsRescuedAndThatOfALivingOneIsNot) {
  auto first = node(succeed, "first");
  const job_id id = world.enqueue({.worker = "w"});
  first->turn();
  ASSERT_EQ(first->claimed(), 1U);
  const auto second = node(succeed, "second");
  for (int i = 0; i < 20; ++i) {
    world.advance(2s);
    first->turn();  // its heart beats
    second->settle();
    ASSERT_EQ(world.find(id).state, state::executing);
  }
  first.reset();
  world.advance(9s);
  second->settle();
  EXPECT_EQ(world.find(id).state, state::executing) << "the lease is not over";
  world.advance(4s);
  const jobs::job rescued = after_work(*second, id);
  EXPECT_EQ(rescued.state, state::completed);
  EXPECT_EQ(rescued.attempt, 2);
  EXPECT_EQ(rescued.errors.size(), 1U);
  EXPECT_EQ(rescued.attempted_by.front(), "second");
}

TEST_F(JobRules, ADeadNodeIsListedForADay) {
  {
    const auto killed = node(succeed, "killed");
  }
  const auto survivor = node(succeed, "survivor");
  const auto listed_after = [&](microseconds more) {
    world.advance(more);
    survivor->settle();
    return world.open()->list_nodes().value().size();
  };
  EXPECT_EQ(listed_after(23h), 2U);
  EXPECT_EQ(listed_after(2h), 1U);
}

TEST_F(JobRules, ARescueIsToldAsOne) {
  const auto listener = std::make_shared<testing::recorder>();
  auto first = node(succeed, "first");
  const job_id id = world.enqueue({.worker = "w"});
  first->turn();
  ASSERT_EQ(first->claimed(), 1U);
  first.reset();
  world.advance(11s);
  {
    telemetry_channel channel({listener}, [](auto, auto) {});
    testing::job_process second(world, "second", 10, &channel);
    second.handle("w", succeed);
    second.begin();
    second.settle();
  }
  const auto rescues = listener->of(telemetry_kind::job_rescued);
  ASSERT_EQ(rescues.size(), 1U);
  EXPECT_EQ(rescues[0].job, id);
  EXPECT_EQ(rescues[0].queue, "default");
  EXPECT_EQ(rescues[0].worker, "w");
  EXPECT_EQ(rescues[0].outcome, "rescued");
  EXPECT_EQ(rescues[0].duration, microseconds(11s));
  const auto ends = listener->of(telemetry_kind::job_acknowledged);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].attempt, 2);
  EXPECT_EQ(ends[0].outcome, "completed");
}

TEST_F(JobRules, FinishedJobsArePrunedAfterAWhile) {
  const auto worker = node(succeed);
  const job_id id = world.enqueue({.worker = "w"});
  worker->settle();
  world.advance(59s);
  worker->settle();
  EXPECT_TRUE(world.has(id));
  world.advance(7s);
  worker->settle();
  EXPECT_FALSE(world.has(id));
}

TEST(DefaultBackoff, IsObans) {
  EXPECT_EQ(jobs::default_backoff(1, 20), 17s);
  EXPECT_EQ(jobs::default_backoff(2, 20), 19s);
  EXPECT_EQ(jobs::default_backoff(10, 20), 1'039s);
  EXPECT_EQ(jobs::default_backoff(20, 20), 1'048'591s);
  EXPECT_EQ(jobs::default_backoff(50, 100), 1'039s) << "more attempts are spread over the same time";
}

TEST_F(JobRules, WhatCannotBeStoredHarmsNobodyElseInItsBatch) {
  const auto worker = node(succeed);
  std::vector<std::string> answers;
  const auto note = [&](const std::string& whose) {
    return [&answers, whose](const result<std::vector<commit_outcome>>& outcome) {
      answers.push_back(whose + (outcome ? " stored" : " " + std::string(to_string(outcome.error().code))));
    };
  };
  worker->submit("w", jobs::patience::give_up, note("first"));
  worker->submit("unstorable", jobs::patience::persist, note("second"));
  worker->submit("w", jobs::patience::give_up, note("third"));
  worker->settle();
  EXPECT_EQ(answers, (std::vector<std::string>{"first stored", "second invalid_argument", "third stored"}));
}

TEST_F(JobRules, AJobOfARunThatIsBeingCancelledIsAskedToStopWithinASecond) {
  const commit start = started_run();
  const auto worker = node(succeed);
  bool early = true;
  bool late = false;
  worker->handle(run_worker_name, [&](const jobs::job& /*work*/, const std::stop_token& stop) {
    world.write({.run = start.run, .status = status_change{.status = run_status::cancelling}});
    early = stop.stop_requested();
    world.advance(1s);
    worker->turn();
    late = stop.stop_requested();
    return jobs::done();
  });
  world.write(start);
  worker->settle();
  EXPECT_FALSE(early);
  EXPECT_TRUE(late);
}

TEST_F(JobRules, WhatACommitWakesIsClaimedInTheSameTurn) {
  commit start = started_run();
  start.inserts[0].scheduled_at = world.now() + 3600s;
  const auto worker = node(succeed);
  worker->handle(run_worker_name, succeed);
  world.write(start);
  worker->settle();
  worker->turn();
  ASSERT_EQ(worker->claimed(), 0U);
  commit wake{.run = start.run, .facts = {{.seq = 1, .kind = fact_kind::event_received, .at = world.now()}}};
  wake.wakes.push_back(run_job({.run = start.run}, "default"));
  worker->submit(std::move(wake));
  worker->turn();
  EXPECT_EQ(worker->claimed(), 1U);
}

}  // namespace
}  // namespace squid_mesh::inline v1
