// Workflows that change while their runs go on.
#include "language/language_world.h"

#include <atomic>

namespace squid_mesh::testing {
namespace {

constexpr auto first = workflow({
    .name = "test.release",
    .version = "1",
    .triggers = {{.name = "manual"}},
    .steps = {{"build", bound_action}, {"hold", pause{}}, {"ship", bound_action}},
    .transitions = {{"build", on::ok, "hold"}, {"hold", on::ok, "ship"}, {"ship", on::ok, complete}},
});

/// Ships in another way.
constexpr auto second = workflow({
    .name = "test.release",
    .version = "2",
    .triggers = {{.name = "manual"}},
    .steps = {{"build", bound_action}, {"deliver", bound_action}},
    .transitions = {{"build", on::ok, "deliver"}, {"deliver", on::ok, complete}},
});

class definitions : public language {};

TEST_P(definitions, that_change_say_what_becomes_of_live_runs) {
  run_id held;
  {
    mesh before = open("before");
    must(before.add(first, {{"build", note()}, {"ship", note()}}));
    must(before.start());
    held = must(before.start_run(first)).id;
    ASSERT_TRUE(reaches(before, held, run_status::paused));
    const auto live = must(before.list_live_runs("test.release"));
    ASSERT_EQ(live.size(), 1U);
    EXPECT_EQ(live[0].outlook, run_outlook::goes_on);
    EXPECT_TRUE(live[0].is_newest);
    EXPECT_TRUE(live[0].missing.empty());
  }
  mesh after = open("after");
  must(after.add(second, {{"build", note()}, {"deliver", note()}}));
  const run_id fresh = must(after.start_run(second)).id;
  auto live = must(after.list_live_runs("test.release"));
  ASSERT_EQ(live.size(), 2U);
  EXPECT_EQ(live[0].run.id, fresh);
  EXPECT_TRUE(live[0].is_newest);
  EXPECT_EQ(live[1].run.id, held);
  EXPECT_FALSE(live[1].is_newest);
  EXPECT_EQ(live[1].outlook, run_outlook::goes_on);
  EXPECT_EQ(live[1].missing, std::vector<std::string>{"ship"});
  EXPECT_EQ(live[1].why, "It goes on until it comes to a step that has no handler here: ship.");

  must(after.unblock_run(held));
  live = must(after.list_live_runs("test.release"));
  EXPECT_EQ(live[1].outlook, run_outlook::waits_for_handler);
  EXPECT_EQ(live[1].why, "This process has no handler for ship, where the run is.");
  EXPECT_EQ(to_string(live[1].outlook), "waits_for_handler");

  // A process that has the handler takes it up.
  mesh again = open("again");
  must(again.add(first, {{"build", note()}, {"ship", note()}}));
  must(again.start());
  EXPECT_EQ(ended(again, held).status, run_status::completed);
}

TEST_P(definitions, that_cannot_be_read_block_their_runs) {
  mesh m = open();
  must(m.add(first, {{"build", note()}, {"ship", note()}}));
  const run_id id = must(m.start_run(first)).id;
  database_->execute("UPDATE squid_mesh_definitions SET document = '{\"name\": \"from the future\"}'");
  const mesh other = open("other");
  const auto live = must(other.list_live_runs("test.release"));
  ASSERT_EQ(live.size(), 1U);
  EXPECT_EQ(live[0].run.id, id);
  EXPECT_EQ(live[0].outlook, run_outlook::blocked);
  EXPECT_TRUE(live[0].why.starts_with("It can't be read here: ")) << live[0].why;
}

TEST_P(definitions, of_unknown_workflows_have_no_runs) {
  const mesh m = open();
  EXPECT_TRUE(must(m.list_live_runs("nobody")).empty());
  EXPECT_EQ(m.list_live_runs("nobody", 0).error().code, errc::invalid_argument);
}

// -- Moving runs

/// Looks at what is shipped, once it is free to go.
constexpr auto checked = workflow({
    .name = "test.release",
    .version = "3",
    .triggers = {{.name = "manual"}},
    .steps = {{"build", bound_action}, {"gate", pause{}}, {"check", bound_action}, {"ship", bound_action}},
    .transitions =
        {{"build", on::ok, "gate"}, {"gate", on::ok, "check"}, {"check", on::ok, "ship"}, {"ship", on::ok, complete}},
});

TEST_P(definitions, take_over_live_runs) {
  mesh m = open();
  must(m.add(first, {{"build", note({{"size", 3}})}, {"ship", note()}}));
  must(m.start());
  const run_id id = must(m.start_run(first)).id;
  ASSERT_TRUE(reaches(m, id, run_status::paused));
  must(m.add(checked, {{"build", note()}, {"check", note()}, {"ship", note()}}));
  const migrate_options how{
      {.actor = "ann", .reason = "we check now", .idempotency_key = "move-1"}, {}, {{"hold", "gate"}}};
  EXPECT_FALSE(must(m.migrate_run(id, how)).repeated);
  EXPECT_TRUE(must(m.migrate_run(id, how)).repeated);
  EXPECT_TRUE(must(m.list_live_runs("test.release")).at(0).is_newest);
  EXPECT_EQ(must(m.explain_run(id)).evidence["step"], "gate") << "it waits where it waited";
  must(m.unblock_run(id));
  const run_view run = ended(m, id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(seen_.lines(), (std::vector<std::string>{"build", "check", "ship"}));
  EXPECT_EQ(status_of(run, "gate"), step_status::completed);
  EXPECT_TRUE(has_event(run, "run_migrated"));
  // What was exported is told in the words of the definition that comes with it.
  const json document = must(m.export_run(id));
  const auto other_place = GetParam().make();
  mesh elsewhere = must(mesh::open({.database = other_place->url(), .log = [](level, std::string_view) {}}));
  must(elsewhere.import_run(document));
  EXPECT_EQ(status_of(must(elsewhere.inspect_run(id)), "gate"), step_status::completed);
}

TEST_P(definitions, are_not_changed_under_a_worker) {
  mesh m = open();
  doorstep inside;
  const handler slow = make_handler([&](const json&) {
    inside.pass();
    return json::object();
  });
  must(m.add(first, {{"build", slow}, {"ship", note()}}));
  must(m.start());
  const run_id id = must(m.start_run(first)).id;
  ASSERT_TRUE(inside.wait_for(1));
  must(m.add(checked, {{"build", slow}, {"check", note()}, {"ship", note()}}));
  const migrate_options how{.steps = {{"hold", "gate"}}};
  EXPECT_EQ(m.migrate_run(id, how).error().kind, "executed");
  inside.open();
  ASSERT_TRUE(reaches(m, id, run_status::paused));
  EXPECT_EQ(m.migrate_run(id).error().kind, "other_history") << "hold is called gate";
  EXPECT_EQ(m.migrate_run(id, {.definition = "nonsense"}).error().code, errc::not_found);
  const auto all = must(m.migrate_runs({.workflow = "test.release"}, how));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].outcome) << to_string(all[0].outcome.error());
  must(m.unblock_run(id));
  EXPECT_EQ(ended(m, id).status, run_status::completed);
  EXPECT_EQ(m.migrate_run(id, how).error().kind, "run_has_ended");
}

constexpr auto sides = workflow({
    .name = "test.sides",
    .triggers = {{.name = "manual"}},
    .steps = {{"left", bound_action}, {"right", pause{}}, {"join", bound_action, {.after = {"left", "right"}}}},
});

/// One step more.
constexpr auto longer_sides = workflow({
    .name = "test.sides",
    .triggers = {{.name = "manual"}},
    .steps = {{"left", bound_action},
              {"right", pause{}},
              {"join", bound_action, {.after = {"left", "right"}}},
              {"last", bound_action, {.after = {"join"}}}},
});

TEST_P(definitions, take_over_runs_whose_branches_other_processes_work_on) {
  mesh one = open("one");
  mesh two = open("two");
  for (mesh* each : {&one, &two}) {
    must(each->add(sides, {{"left", note()}, {"join", note()}}));
    must(each->start());
  }
  std::vector<run_id> runs;
  for (int i = 0; i < 10; ++i) runs.push_back(must(one.start_run(sides)).id);
  for (const run_id& id : runs) ASSERT_TRUE(reaches(one, id, run_status::paused));
  for (mesh* each : {&one, &two}) {
    must(each->add(longer_sides, {{"left", note()}, {"join", note()}, {"last", note()}}));
  }
  for (const run_id& id : runs) must(two.migrate_run(id));
  for (const run_id& id : runs) must(one.unblock_run(id));
  for (const run_id& id : runs) EXPECT_EQ(ended(one, id).status, run_status::completed);
  EXPECT_EQ(seen_.count("last"), 10);
}

/// The worker's job was taken from it, and the run was moved; then it gets another job of the same run.
TEST_P(definitions, that_are_taken_over_are_noticed_by_who_still_has_the_run) {
  mesh m = open();
  doorstep inside;
  std::atomic<int> calls = 0;
  const handler left = make_handler([&](const json&) {
    if (++calls == 1) inside.pass();
    return json::object();
  });
  must(m.add(sides, {{"left", left}, {"join", note()}}));
  must(m.start());
  const run_id id = must(m.start_run(sides)).id;
  ASSERT_TRUE(inside.wait_for(1));
  ASSERT_TRUE(until([&] { return must(m.inspect_run(id)).steps[1].status == step_status::running; }));
  database_->execute("INSERT INTO squid_mesh_paused_queues (queue, paused_at) VALUES ('squid_mesh', " +
                     database_->spell(time_point()) + ")");
  database_->execute("UPDATE oban_jobs SET state = 'available' WHERE state = 'executing'");
  must(m.add(longer_sides, {{"left", left}, {"join", note()}, {"last", note()}}));
  must(m.migrate_run(id));
  database_->execute("DELETE FROM squid_mesh_paused_queues");
  must(m.unblock_run(id));
  EXPECT_EQ(ended(m, id).status, run_status::completed);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(seen_.lines(), (std::vector<std::string>{"join", "last"}));
  inside.open();
}

// -- Long lives

/// visit and rest, 200 times.
constexpr auto patient = workflow({
    .name = "test.patient",
    .triggers = {{.name = "manual"}},
    .steps = {{"visit", bound_action}, {"rest", wait{1ms}}},
    .transitions = {{.from = "visit", .to = "rest", .at_most = 200},
                    {"visit", on::ok, complete},
                    {"rest", on::ok, "visit"}},
});

/// A run of it that somebody meddles with in the middle.
class long_runs : public language {
 protected:
  void begin_and_come_halfway() {
    must(mesh_.add(patient, {{"visit", make_handler([this](const json&) -> result<json> {
                                if (++visits_ == 150) halfway_.pass();
                                return json{{"visits", visits_.load()}};
                              })}}));
    must(mesh_.start());
    id_ = must(mesh_.start_run(patient)).id;
    ASSERT_TRUE(halfway_.wait_for(1));
  }

  doorstep halfway_;
  std::atomic<int> visits_ = 0;
  mesh mesh_ = open();
  run_id id_;
};

TEST_P(long_runs, go_on_from_snapshots) {
  begin_and_come_halfway();
  // Nobody who works on the run reads its beginning any more.
  database_->execute("UPDATE squid_mesh_events SET kind = 'lane_ended' WHERE seq < 200 AND run_id = " +
                     database_->spell(id_));
  halfway_.open();
  ASSERT_TRUE(until([&] { return must(mesh_.list_runs({.statuses = {run_status::completed}})).runs.size() == 1; }));
  EXPECT_EQ(visits_, 201);
}

TEST_P(long_runs, go_on_without_snapshots_that_cannot_be_read) {
  begin_and_come_halfway();
  database_->execute("UPDATE squid_mesh_snapshots SET state = 'from another version'");
  EXPECT_EQ(database_->query("SELECT count(*) FROM squid_mesh_snapshots"), "1");
  halfway_.open();
  EXPECT_EQ(ended(mesh_, id_).status, run_status::completed);
  EXPECT_EQ(visits_, 201);
}

INSTANTIATE_TEST_SUITE_P(on, definitions, both_databases(), database_name);
INSTANTIATE_TEST_SUITE_P(on, long_runs, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
