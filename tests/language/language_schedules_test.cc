// Cron triggers that fire, through the public API. Ticks are made due by moving them, as nobody waits for a minute.
#include "language/language_world.h"

namespace squid_mesh::testing {
namespace {

constexpr auto nightly = workflow({
    .name = "test.nightly",
    .triggers = {{.name = "night", .schedule = cron{"0 2 * * *", "Europe/Berlin"}, .payload = {{"n", type::integer}}},
                 {.name = "manual"}},
    .steps = {{"work", bound_action, {.output = "worked"}}},
    .transitions = {{"work", on::ok, complete}},
});

constexpr auto busy = workflow({
    .name = "test.busy",
    .triggers = {{.name = "often", .schedule = cron{.expression = "* * * * *", .overlap = overlap::skip}}},
    .steps = {{"hold", pause{}}},
    .transitions = {{"hold", on::ok, complete}},
});

constexpr auto replacing = workflow({
    .name = "test.replacing",
    .triggers = {{.name = "often", .schedule = cron{.expression = "* * * * *", .overlap = overlap::cancel_previous}}},
    .steps = {{"hold", pause{}}},
    .transitions = {{"hold", on::ok, complete}},
});

constexpr auto thorough = workflow({
    .name = "test.thorough",
    .triggers = {{.name = "often",
                  .schedule = cron{.expression = "* * * * *", .missed = missed_ticks::run_all, .missed_limit = 3}}},
    .steps = {{"work", bound_action}},
    .transitions = {{"work", on::ok, complete}},
});

class schedules : public language {
 protected:
  /// As if the next tick had been due so long ago.
  void make_due(std::chrono::minutes ago) {
    const auto minutes = std::to_string(ago.count());
    if (database_->url().starts_with("sqlite:")) {
      database_->execute("UPDATE squid_mesh_schedules SET next_at = (strftime('%s', 'now') - 60 * " + minutes +
                         ") / 60 * 60 * 1000000;"
                         "UPDATE oban_jobs SET scheduled_at = '2020-01-01T00:00:00.000000Z' "
                         "WHERE worker = 'squid_mesh.tick' AND state = 'scheduled'");
    } else {
      database_->execute("UPDATE squid_mesh_schedules SET next_at = date_trunc('minute', now()) - interval '" +
                         minutes +
                         " minutes'; UPDATE oban_jobs SET scheduled_at = '2020-01-01' "
                         "WHERE worker = 'squid_mesh.tick' AND state = 'scheduled'");
    }
  }

  static std::vector<run_summary> runs(const mesh& m) { return must(m.list_runs()).runs; }
};

TEST_P(schedules, fire_and_say_when_they_were_meant_to) {
  mesh m = open();
  must(m.add(nightly, {{"work", make_handler([](const json& input) { return input.at("schedule"); })}}));
  m.set_schedule_payload("test.nightly", "night", {{"n", 5}});
  const auto before = must(m.list_schedules());
  ASSERT_EQ(before.size(), 1U);
  EXPECT_EQ(before[0].trigger, "night");
  EXPECT_FALSE(before[0].last_run);
  EXPECT_GT(before[0].next_at, std::chrono::system_clock::now());

  must(m.start({.poll = 20ms}));
  make_due(3 * 24h);
  ASSERT_TRUE(until([&] { return runs(m).size() == 1; }));
  const run_view run = ended(m, runs(m)[0].id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.trigger, "night");
  EXPECT_EQ(run.payload, (json{{"n", 5}})) << "when it fired is in the context, not in the payload";
  const json& schedule = run.context.at("schedule");
  EXPECT_EQ(run.context.at("worked"), schedule);
  const auto listed = must(m.list_schedules());
  EXPECT_EQ(listed[0].last_run, run.id);
  EXPECT_EQ(schedule.at("intended_at"), to_string(*listed[0].last_at));
  EXPECT_EQ(schedule.at("window").at("end"), schedule.at("intended_at"));
  EXPECT_LT(schedule.at("window").at("start"), schedule.at("window").at("end"));
  EXPECT_EQ(listed[0].next_at, before[0].next_at);
}

TEST_P(schedules, fire_once_for_many_nodes) {
  std::vector<mesh> nodes;
  for (const char* name : {"one", "two", "three"}) {
    nodes.push_back(open(name));
    must(nodes.back().add(thorough, {{"work", note()}}));
    must(nodes.back().start({.poll = 10ms}));
  }
  make_due(10min);
  ASSERT_TRUE(until([&] { return runs(nodes[0]).size() >= 3; }));
  std::this_thread::sleep_for(200ms);
  // At the full minute one more may be due.
  EXPECT_LE(runs(nodes[0]).size(), 4U) << "the latest three of those that were missed";
  EXPECT_EQ(database_->query("SELECT count(*) - count(DISTINCT start_key) FROM squid_mesh_runs"), "0");
}

TEST_P(schedules, skip_or_replace_a_run_that_goes_on) {
  mesh m = open();
  must(m.add(busy));
  must(m.add(replacing));
  must(m.start({.poll = 10ms}));
  for (int i = 0; i < 3; ++i) {
    make_due(std::chrono::minutes(9 - 3 * i));
    ASSERT_TRUE(until([&] {
      return database_->query(
                 "SELECT count(*) FROM oban_jobs WHERE worker = 'squid_mesh.tick' AND state = 'scheduled'"
                 " AND scheduled_at > " +
                 std::string(database_->url().starts_with("sqlite:") ? "'2020-01-02'"
                                                                     : "now()::timestamp"
                                                                       " - interval '1 day'")) == "2";
    }));
  }
  EXPECT_EQ(must(m.list_runs({.workflow = "test.busy"})).runs.size(), 1U);
  ASSERT_TRUE(until([&] {
    return !must(m.list_runs({.workflow = "test.replacing", .statuses = {run_status::cancelled}})).runs.empty();
  }));
  EXPECT_LE(must(m.list_runs({.workflow = "test.replacing", .statuses = {run_status::paused}})).runs.size(), 1U);
}

TEST_P(schedules, can_be_paused_resumed_and_fired_now) {
  mesh m = open();
  must(m.add(nightly, {{"work", note()}}));
  m.set_schedule_payload("test.nightly", "night", {{"n", 1}});
  must(m.start({.poll = 10ms}));
  EXPECT_TRUE(must(m.pause_schedule("test.nightly", "night")));
  EXPECT_FALSE(must(m.pause_schedule("test.nightly", "night")));
  EXPECT_TRUE(must(m.list_schedules())[0].paused);
  make_due(24h);
  std::this_thread::sleep_for(100ms);
  EXPECT_TRUE(runs(m).empty());
  EXPECT_TRUE(must(m.resume_schedule("test.nightly", "night")));
  EXPECT_FALSE(must(m.list_schedules())[0].paused);
  std::this_thread::sleep_for(100ms);
  EXPECT_TRUE(runs(m).empty()) << "what a pause has let pass is not missed";
  const run_view run = ended(m, must(m.trigger_schedule("test.nightly", "night")).id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(m.pause_schedule("test.nightly", "day").error().code, errc::not_found);
  EXPECT_EQ(m.trigger_schedule("test.nightly", "manual").error().code, errc::not_found);
}

INSTANTIATE_TEST_SUITE_P(databases, schedules, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
