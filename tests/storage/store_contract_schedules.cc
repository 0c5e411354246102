// The part of the contract that is about schedules and the jobs that fire their ticks.
#include "storage/backends.h"
#include "storage/store_contract.h"

namespace squid_mesh::testing {
namespace {

class schedules : public store_contract {
 protected:
  static schedule_record nightly() {
    return {.workflow = "w", .trigger = "t", .expression = "0 3 * * *", .timezone = "UTC", .next_at = t0 + 60s};
  }
  void put(const schedule_record& what, const std::string& queue = "q") {
    ASSERT_TRUE(two->put_schedule(what, queue, t0));
  }
  schedule_record stored() { return two->list_schedules().value().at(0); }
  /// The jobs that fire the schedule and haven't ended.
  std::vector<job_row> ticks() {
    return one
        ->list_jobs({.worker = tick_worker_name,
                     .states = {state::available, state::scheduled, state::executing, state::retryable}})
        .value();
  }
  std::string job_of_schedule() { return database->query("SELECT job_id FROM squid_mesh_schedules"); }
  bool set_paused(bool paused, time_point next_at = t0 + 90s) {
    return must(two->set_schedule_paused("w", "t", paused, next_at, t0 + 5s));
  }
  job_row fire() { return fetch(1, t0 + 60s, queues).claimed.at(0).job; }
};

TEST_P(schedules, a_schedule_has_a_job_that_is_due_at_its_next_tick) {
  EXPECT_TRUE(two->list_schedules().value().empty());
  put(nightly());
  const schedule_record found = stored();
  EXPECT_EQ(found.workflow, "w");
  EXPECT_EQ(found.trigger, "t");
  EXPECT_EQ(found.expression, "0 3 * * *");
  EXPECT_EQ(found.timezone, "UTC");
  EXPECT_EQ(found.next_at, t0 + 60s);
  EXPECT_FALSE(found.last_at || found.last_run || found.paused_at);
  ASSERT_EQ(ticks().size(), 1U);
  const job_row job = ticks()[0];
  EXPECT_EQ(job.state, state::scheduled);
  EXPECT_EQ(job.scheduled_at, t0 + 60s);
  EXPECT_EQ(job.queue, "q");
  EXPECT_EQ(schedule_of(job).value().workflow + schedule_of(job).value().trigger, "wt");
  EXPECT_EQ(job_of_schedule(), to_string(job.id));
}

TEST_P(schedules, one_that_says_the_same_stays_as_it_is) {
  put(nightly());
  const job_id job = ticks().at(0).id;
  schedule_record later = nightly();
  later.next_at = t0 + 120s;
  put(later);
  EXPECT_EQ(stored().next_at, t0 + 60s);
  ASSERT_EQ(ticks().size(), 1U);
  EXPECT_EQ(ticks()[0].id, job);
}

TEST_P(schedules, another_expression_or_time_zone_changes_the_job_too) {
  put(nightly());
  for (const bool expression : {true, false}) {
    const job_id before = ticks().at(0).id;
    schedule_record changed = stored();
    (expression ? changed.expression : changed.timezone) = "another";
    changed.next_at = t0 + 120s;
    put(changed, "r");
    EXPECT_EQ((expression ? stored().expression : stored().timezone), "another");
    EXPECT_EQ(stored().next_at, t0 + 120s);
    EXPECT_EQ(read(before).state, state::cancelled);
    ASSERT_EQ(ticks().size(), 1U);
    EXPECT_EQ(ticks()[0].scheduled_at, t0 + 120s);
    EXPECT_EQ(ticks()[0].queue, "r");
    EXPECT_EQ(job_of_schedule(), to_string(ticks()[0].id));
  }
}

TEST_P(schedules, a_tick_that_is_being_fired_while_its_schedule_changes_is_not_fired) {
  put(nightly());
  const job_row firing = fire();
  schedule_record changed = nightly();
  changed.expression = "another";
  changed.next_at = t0 + 120s;
  put(changed);
  commit tick = step_of(firing, {.is = change::snooze, .at = t0 + 300s}, start_of(1));
  tick.schedule = schedule_change{.workflow = "w", .trigger = "t", .next_at = t0 + 300s};
  EXPECT_FALSE(write(tick).applied);
  EXPECT_EQ(stored().next_at, t0 + 120s);
  EXPECT_EQ(ticks().size(), 1U);
}

TEST_P(schedules, many_may_put_one_at_once) {
  std::atomic<int> done = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, store = i % 2 == 0 ? one.get() : two.get(), i] {
        schedule_record mine = nightly();
        mine.expression = i < 2 ? "this" : "that";
        if (store->put_schedule(mine, "q", t0)) ++done;
      });
    }
  }
  EXPECT_EQ(done, 4);
  ASSERT_EQ(ticks().size(), 1U);
  EXPECT_EQ(job_of_schedule(), to_string(ticks()[0].id));
}

TEST_P(schedules, are_listed_by_workflow_and_trigger) {
  for (const auto& [workflow, trigger] : {std::pair("b", "x"), std::pair("a", "y"), std::pair("a", "x")}) {
    schedule_record next = nightly();
    next.workflow = workflow;
    next.trigger = trigger;
    put(next);
  }
  std::string listed;
  for (const schedule_record& each : must(two->list_schedules())) listed += each.workflow + each.trigger + " ";
  EXPECT_EQ(listed, "ax ay bx ");
}

TEST_P(schedules, a_tick_changes_its_schedule_with_its_run) {
  put(nightly());
  commit tick = step_of(fire(), {.is = change::snooze, .at = t0 + 120s}, start_of(1));
  tick.schedule =
      schedule_change{.workflow = "w", .trigger = "t", .next_at = t0 + 120s, .last_at = t0 + 60s, .last_run = id_of(1)};
  ASSERT_TRUE(write(tick, t0 + 60s).applied);
  EXPECT_EQ(stored().next_at, t0 + 120s);
  EXPECT_EQ(stored().last_at, t0 + 60s);
  EXPECT_EQ(stored().last_run, id_of(1));
  EXPECT_TRUE(one->read_run(id_of(1)));
  EXPECT_EQ(ticks().at(0).scheduled_at, t0 + 120s);

  commit missed = step_of(fetch(1, t0 + 120s, queues).claimed.at(0).job, {.is = change::snooze, .at = t0 + 180s});
  missed.schedule = schedule_change{.workflow = "w", .trigger = "t", .next_at = t0 + 180s};
  ASSERT_TRUE(write(missed, t0 + 120s).applied);
  EXPECT_EQ(stored().next_at, t0 + 180s);
  EXPECT_EQ(stored().last_at, t0 + 60s) << "what isn't said stays";
  EXPECT_EQ(stored().last_run, id_of(1));
}

TEST_P(schedules, one_that_is_paused_has_no_tick_until_it_is_resumed) {
  put(nightly());
  const job_id before = ticks().at(0).id;
  EXPECT_TRUE(set_paused(true));
  EXPECT_FALSE(set_paused(true)) << "it was so already";
  EXPECT_EQ(stored().paused_at, t0 + 5s);
  EXPECT_EQ(read(before).state, state::cancelled);
  EXPECT_TRUE(ticks().empty());
  EXPECT_EQ(one->mend_runs("m", t0, 10).value(), 0U);

  schedule_record changed = nightly();
  changed.expression = "another";
  put(changed);
  EXPECT_TRUE(stored().paused_at) << "a change doesn't resume it";
  EXPECT_TRUE(ticks().empty());

  EXPECT_TRUE(set_paused(false));
  EXPECT_FALSE(set_paused(false));
  EXPECT_FALSE(stored().paused_at);
  EXPECT_EQ(stored().next_at, t0 + 90s);
  ASSERT_EQ(ticks().size(), 1U);
  EXPECT_EQ(ticks()[0].scheduled_at, t0 + 90s);
  EXPECT_EQ(ticks()[0].queue, "q");
  EXPECT_EQ(job_of_schedule(), to_string(ticks()[0].id));
}

TEST_P(schedules, what_there_is_not_cannot_be_paused) {
  for (const bool paused : {true, false}) {
    EXPECT_EQ(one->set_schedule_paused("w", "t", paused, t0, t0).error().code, errc::not_found);
  }
}

TEST_P(schedules, one_whose_job_is_gone_gets_a_new_one) {
  put(nightly(), "r");
  for (const char* how : {"DELETE FROM oban_jobs", "UPDATE oban_jobs SET state = 'cancelled'"}) {
    database->execute(how);
    EXPECT_EQ(two->mend_runs("m", t0 + 1s, 0).value(), 0U);
    EXPECT_EQ(two->mend_runs("m", t0 + 1s, 10).value(), 1U);
    EXPECT_EQ(two->mend_runs("m", t0 + 1s, 10).value(), 0U);
    ASSERT_EQ(ticks().size(), 1U);
    EXPECT_EQ(ticks()[0].scheduled_at, t0 + 60s);
    EXPECT_EQ(ticks()[0].queue, "r");
    EXPECT_EQ(job_of_schedule(), to_string(ticks()[0].id));
  }
}

INSTANTIATE_TEST_SUITE_P(backends, schedules, all_backends(), backend_name);

}  // namespace
}  // namespace squid_mesh::testing
