// Cancelling, retrying and replaying, one run at a time and many at once, through the public API.
#include "language/language_world.h"

#include <atomic>

namespace squid_mesh::testing {
namespace {

constexpr auto patient = workflow({
    .name = "test.patient",
    .triggers = {{.name = "manual", .payload = {{"n", type::integer, value(1)}}}},
    .steps = {{"first", bound_action, {.output = "first"}},
              {"rest", wait{1h}},
              {"last", bound_action, {.output = "last"}}},
    .transitions = {{"first", on::ok, "rest"}, {"rest", on::ok, "last"}, {"last", on::ok, complete}},
});

constexpr auto single = workflow({
    .name = "test.single_step",
    .triggers = {{.name = "manual", .payload = {{"n", type::integer, value(1)}}}},
    .steps = {{"work", bound_action, {.input = {"n"}, .output = "worked"}}},
    .transitions = {{"work", on::ok, complete}},
});

class commands : public language {
 protected:
  void expect_no_job_left() {
    EXPECT_TRUE(until([&] {
      return database_->query("SELECT count(*) FROM oban_jobs WHERE state NOT IN ('completed', 'cancelled')") == "0";
    })) << database_->query("SELECT state FROM oban_jobs");
  }
};

TEST_P(commands, cancel_what_waits_at_once) {
  mesh m = open();
  must(m.add(patient, {{"first", note()}, {"last", note()}}));
  const run_id pending = must(m.start_run(patient)).id;
  EXPECT_EQ(must(m.cancel_run(pending, {.actor = "olga", .reason = "a mistake"})).status, run_status::cancelled);
  const run_view run = must(m.inspect_run(pending, {.include_history = true}));
  EXPECT_EQ(run.status, run_status::cancelled);
  EXPECT_TRUE(run.ended_at);
  const auto event = std::ranges::find(run.history, "cancel_requested", &audit_event::kind);
  ASSERT_NE(event, run.history.end());
  EXPECT_EQ(event->details.at("actor"), "olga");
  EXPECT_EQ(event->details.at("reason"), "a mistake");

  must(m.start());
  const run_id waiting = must(m.start_run(patient)).id;
  ASSERT_TRUE(until([&] { return status_of(must(m.inspect_run(waiting)), "rest") == step_status::waiting; }));
  EXPECT_EQ(must(m.cancel_run(waiting)).status, run_status::cancelled);
  EXPECT_EQ(m.cancel_run(waiting).error().kind, "run_has_ended");
  EXPECT_EQ(seen_.lines(), std::vector<std::string>{"first"});
  expect_no_job_left();
}

TEST_P(commands, cancel_what_runs_through_its_stop_token) {
  mesh m = open();
  mesh operators = open("operators");
  doorstep door;
  door.open();
  must(m.add(single, {{"work", [&](const json&, step_context& context) -> result<json> {
                         door.pass();
                         while (!context.stop().stop_requested()) std::this_thread::sleep_for(1ms);
                         return json("too late");
                       }}}));
  must(m.start());
  for (mesh* by : {&m, &operators}) {
    const run_id id = must(m.start_run(single)).id;
    ASSERT_TRUE(until([&] { return must(m.inspect_run(id)).status == run_status::running; }));
    ASSERT_TRUE(until([&] { return !must(m.inspect_run(id, {.include_history = true})).attempts.empty(); }));
    EXPECT_EQ(must(by->cancel_run(id, {.idempotency_key = "c"})).status, run_status::cancelling);
    EXPECT_TRUE(must(by->cancel_run(id, {.idempotency_key = "c"})).repeated);
    const run_view run = ended(m, id);
    EXPECT_EQ(run.status, run_status::cancelled);
    EXPECT_FALSE(run.context.contains("worked")) << "late results are recorded, not applied";
    ASSERT_EQ(run.attempts.size(), 1U);
    EXPECT_EQ(run.attempts[0].status, attempt_status::cancelled);
  }
  expect_no_job_left();
}

TEST_P(commands, cancel_against_completion_has_one_winner) {
  mesh m = open();
  must(m.add(single, {{"work", note("done")}}));
  must(m.start());
  for (int i = 0; i < 30; ++i) {
    const run_id id = must(m.start_run(single)).id;
    const auto cancelled = m.cancel_run(id);
    const run_view run = ended(m, id);
    EXPECT_EQ(run.status == run_status::cancelled, cancelled.has_value());
    EXPECT_EQ(run.context.contains("worked"), run.status == run_status::completed);
  }
  expect_no_job_left();
}

TEST_P(commands, retry_a_failed_run_where_it_failed) {
  mesh m = open();
  constexpr auto steps = workflow({
      .name = "test.two_steps",
      .triggers = {{.name = "manual"}},
      .steps = {{"first", bound_action, {.output = "first"}}, {"second", bound_action, {.input = {"first"}}}},
      .transitions = {{"first", on::ok, "second"}, {"second", on::ok, complete}},
  });
  must(m.add(steps, {{"first", note("wrong")}, {"second", make_handler([this](const json& input) -> result<json> {
                                                  seen_.add("second " + input.at("first").get<std::string>());
                                                  if (input.at("first") == "wrong") {
                                                    return std::unexpected(permanent("wrong input"));
                                                  }
                                                  return json::object();
                                                })}}));
  must(m.start());
  const run_id id = must(m.start_run(steps)).id;
  EXPECT_EQ(ended(m, id).status, run_status::failed);
  EXPECT_EQ(m.retry_run(id, {{}, {{"first", json::object()}}}).error().code, errc::invalid_argument);
  must(m.retry_run(id, {{.actor = "olga", .idempotency_key = "r1"}, {{"second", {{"first", "right"}}}}}));
  ASSERT_TRUE(reaches(m, id, run_status::completed));
  EXPECT_TRUE(must(m.retry_run(id, {{.idempotency_key = "r1"}})).repeated);
  EXPECT_EQ(m.retry_run(id).error().kind, "not_failed");
  EXPECT_EQ(seen_.lines(), (std::vector<std::string>{"first", "second wrong", "second right"}));
  EXPECT_TRUE(has_event(must(m.inspect_run(id, {.include_history = true})), "retry_requested"));
}

TEST_P(commands, what_replaces_a_secret_in_a_retry_is_one_also_in_logs_and_errors) {
  constexpr auto guarded = workflow({
      .name = "test.guarded",
      .triggers = {{.name = "manual", .payload = {{"pin", type::string, secret}}}},
      .steps = {{"open", bound_action, {.input = {{"code", "pin"}}}}, {"enter", bound_action}},
      .transitions = {{"open", on::ok, "enter"}, {"enter", on::ok, complete}},
  });
  trace log;
  mesh m = must(mesh::open({.database = database_->url(),
                            .log = [&](level, std::string_view line) { log.add(std::string(line)); },
                            .node_name = "node"}));
  must(m.add(guarded, {{"open", make_handler([](const json& input, step_context& context) -> result<json> {
                          const std::string code = input.at("code");
                          context.log(level::info, "tried " + code);
                          if (code == "old-pin") return std::unexpected(permanent("not " + code));
                          return json::object();
                        })},
                       {"enter", make_handler([](step_context& context) -> result<json> {
                          context.log(level::info, "in by new-pin");
                          return std::unexpected(permanent("new-pin is known here"));
                        })}}));
  must(m.start());
  const run_id id = must(m.start_run(guarded, {{"pin", "old-pin"}})).id;
  EXPECT_EQ(ended(m, id).status, run_status::failed);
  must(m.retry_run(id, {{.actor = "olga"}, {{"open", {{"code", "new-pin"}}}}}));
  ASSERT_TRUE(until([&] {
    const auto why = must(m.inspect_run(id)).error;
    return why && why->at("message") == "******** is known here";
  }));
  std::string all;
  for (const std::string& line : log.lines()) all += line + "\n";
  EXPECT_NE(all.find("tried ********"), std::string::npos) << all;
  EXPECT_NE(all.find("in by ********"), std::string::npos) << all;
  EXPECT_EQ(all.find("-pin"), std::string::npos) << all;
  EXPECT_EQ(
      database_->query(
          "SELECT count(*) FROM squid_mesh_events WHERE kind = 'step_failed' AND CAST(data AS text) LIKE '%-pin%'"),
      "0");
}

TEST_P(commands, replay_as_a_new_run) {
  mesh m = open();
  must(m.add(single, {{"work", make_handler([](const json& input) { return input.at("n"); })}}));
  must(m.start());
  const run_id old = must(m.start_run(single, {{"n", 7}})).id;
  ended(m, old);
  const run_ref again = must(m.replay_run(old, {{.actor = "olga", .idempotency_key = "once"}}));
  EXPECT_NE(again.id, old);
  EXPECT_FALSE(again.existing);
  const run_ref same = must(m.replay_run(old, {{.idempotency_key = "once"}}));
  EXPECT_EQ(same.id, again.id);
  EXPECT_TRUE(same.existing);
  const run_view run = ended(m, again.id);
  EXPECT_EQ(run.context.at("worked"), 7);
  EXPECT_EQ(run.replay_of, old);
}

TEST_P(commands, reach_all_runs_that_match) {
  mesh m = open();
  must(m.add(patient, {{"first", note()}, {"last", note()}}));
  must(m.start_runs("test.patient", std::vector<json>(5, json::object())));
  const auto outcomes = must(m.cancel_runs({.workflow = "test.patient"}, {.actor = "olga"}));
  ASSERT_EQ(outcomes.size(), 5U);
  for (const bulk_outcome& each : outcomes) EXPECT_EQ(each.outcome->status, run_status::cancelled);
  EXPECT_TRUE(must(m.cancel_runs({.workflow = "test.patient"})).empty());
  const auto replays = must(m.replay_runs({.workflow = "test.patient"}));
  ASSERT_EQ(replays.size(), 5U);
  for (const bulk_replay& each : replays) EXPECT_EQ(must(m.inspect_run(each.outcome->id)).replay_of, each.run);
}

TEST_P(commands, replay_what_cannot_be_undone_only_for_those_who_insist) {
  mesh m = open();
  static constexpr auto paying = workflow({
      .name = "test.paying",
      .triggers = {{.name = "manual", .payload = {{"works", type::boolean, value(true)}}}},
      .steps = {{"check", bound_action, {.retry = {.max_attempts = 1}}},
                {"pay", bound_action, {.irreversible = true}},
                {"tell", bound_action, {.compensatable = false}}},
      .transitions = {{"check", on::ok, "pay"}, {"pay", on::ok, "tell"}, {"tell", on::ok, complete}},
  });
  must(m.add(paying, {{"check", make_handler([](const json& input) -> result<json> {
                         if (!input.at("works")) return std::unexpected(permanent("no"));
                         return json::object();
                       })},
                      {"pay", note()},
                      {"tell", note()}}));
  must(m.start());
  const run_id paid = must(m.start_run(paying)).id;
  const run_id unpaid = must(m.start_run(paying, {{"works", false}})).id;
  ended(m, paid);
  ended(m, unpaid);
  const auto refused = m.replay_run(paid);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::conflict);
  EXPECT_EQ(refused.error().kind, "irreversible");
  EXPECT_EQ(refused.error().details.at("steps"), (json{"pay", "tell"}));
  EXPECT_FALSE(m.replay_run(paid, {.newest_definition = true}));
  EXPECT_TRUE(m.replay_run(unpaid)) << "it has done nothing yet that counts";

  const auto all = must(m.replay_runs({.workflow = "test.paying", .statuses = {run_status::completed}}));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all.front().run, paid);
  EXPECT_EQ(all.front().outcome.error().kind, "irreversible");

  replay_options insisting{.allow_irreversible = true};
  insisting.actor = "olga";
  const run_ref again = must(m.replay_run(paid, insisting));
  const run_view run = ended(m, again.id);
  EXPECT_EQ(run.replay_of, paid);
  EXPECT_EQ(seen_.count("pay"), 2);
  const run_view told = must(m.inspect_run(again.id, {.include_history = true}));
  EXPECT_EQ(told.history.front().details.at("allow_irreversible"), true) << "who insisted is in the history";
}

TEST_P(commands, to_runs_that_are_not_there_say_so) {
  mesh m = open();
  const run_id nobody = *run_id::parse("01890000-0000-7000-8000-000000000000");
  EXPECT_EQ(m.cancel_run(nobody).error().code, errc::not_found);
  EXPECT_EQ(m.approve_run(nobody, {.actor = "anna"}).error().code, errc::not_found);
  EXPECT_EQ(m.replay_run(nobody).error().code, errc::not_found);
  EXPECT_EQ(m.signal_run(nobody, "").error().code, errc::invalid_argument);
  EXPECT_EQ(m.cancel_run(nobody, {.actor = "\xFF"}).error().code, errc::invalid_argument);
  EXPECT_EQ(m.cancel_run(nobody, {.idempotency_key = std::string(300, 'k')}).error().code, errc::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(databases, commands, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
