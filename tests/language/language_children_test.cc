// Runs that start runs, through the public API.
#include "language/language_world.h"

#include <atomic>

namespace squid_mesh::testing {
namespace {

constexpr auto deliver = workflow({
    .name = "test.deliver",
    .triggers = {{.name = "manual",
                  .payload = {{"n", type::integer, value(1)}, {"pin", type::string, secret, squid_mesh::optional}}}},
    .steps = {{"carry", bound_action, {.output = "carried"}}},
    .transitions = {{"carry", on::ok, complete}},
});

constexpr auto parent_of_one = workflow({
    .name = "test.parent",
    .triggers = {{.name = "manual", .payload = {{"n", type::integer, value(5)}, {"pin", type::string, value("0000")}}}},
    .steps = {{"ship", child{"test.deliver"}, {.input = {"n", "pin"}, .output = "shipped"}}, {"bill", bound_action}},
    .transitions = {{"ship", on::ok, "bill"}, {"bill", on::ok, complete}},
});

constexpr auto abandoning = workflow({
    .name = "test.abandoning",
    .triggers = {{.name = "manual"}},
    .steps = {{"ship", child{.workflow = "test.deliver", .on_cancel = on_parent_cancel::abandon}}},
    .transitions = {{"ship", on::ok, complete}},
});

constexpr auto spawner = workflow({
    .name = "test.spawner",
    .triggers = {{.name = "manual", .payload = {{"children", type::integer, value(1)}}}},
    .steps = {{"spawn", bound_action, {.output = "spawned"}}, {"rest", wait{1h}}},
    .transitions = {{"spawn", on::ok, "rest"}, {"rest", on::ok, complete}},
});

class family : public language {
 protected:
  /// Starts as many runs as the payload says, each with a key of its own.
  handler spawn(on_parent_cancel policy = on_parent_cancel::cancel) {
    return [this, policy](const json& input, step_context& context) -> result<json> {
      json ids = json::array();
      for (int i = 0; i < input.at("children").get<int>(); ++i) {
        auto run = context.start_child_run("test.deliver", {{"n", i}}, {.key = std::to_string(i), .on_cancel = policy});
        if (!run) return std::unexpected(std::move(run).error());
        ids.push_back(to_string(run->id));
        if (run->existing) seen_.add("existing");
      }
      return ids;
    };
  }
  static handler carry() {
    return [](const json& input, step_context&) -> result<json> { return input.at("n"); };
  }
  static handler behind(doorstep& door) {
    return [&door](const json&, step_context&) -> result<json> {
      door.pass();
      return 1;
    };
  }
  static handler refuse() {
    return [](const json&, step_context&) -> result<json> { return std::unexpected(permanent("lost")); };
  }
  run_id only_child_of(const mesh& m, const run_id& id) {
    EXPECT_TRUE(until([&] { return must(m.inspect_run(id)).children.size() == 1; }));
    return must(m.inspect_run(id)).children.front().id;
  }
};

TEST_P(family, a_step_takes_the_output_of_the_run_it_waits_for) {
  mesh m = open();
  must(m.add(deliver, {{"carry", carry()}}));
  must(m.add(parent_of_one, {{"bill", note()}}));
  must(m.start());
  const run_view run = ended(m, must(m.start_run(parent_of_one)).id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.context.at("shipped"), json({{"carried", 5}}));
  ASSERT_EQ(run.children.size(), 1U);
  EXPECT_EQ(run.children.front().step, "ship");
  EXPECT_EQ(run.children.front().status, run_status::completed);
  EXPECT_EQ(run.steps.front().child, run.children.front().id);
  EXPECT_EQ(run.steps.front().attempts.size(), 1U);
  EXPECT_TRUE(has_event(run, "child_started"));

  const run_view child = must(m.inspect_run(run.children.front().id, {.include_history = true}));
  ASSERT_TRUE(child.parent);
  EXPECT_EQ(child.parent->run, run.id);
  EXPECT_EQ(child.payload.at("n"), 5);
  EXPECT_EQ(child.history.front().details.at("parent").at("run"), to_string(run.id));
  EXPECT_EQ(must(m.list_runs({.parent = run.id})).runs.size(), 1U);
  EXPECT_TRUE(must(m.list_runs({.parent = child.id})).runs.empty());
}

TEST_P(family, waiting_holds_no_worker_and_is_explained) {
  mesh m = open();
  doorstep door;
  must(m.add(deliver, {{"carry", behind(door)}}));
  must(m.add(parent_of_one, {{"bill", note()}}));
  must(m.start({.queues = {{"squid_mesh", 1}}}));
  const run_id id = must(m.start_run(parent_of_one)).id;
  // With one slot, the child runs only because its parent has let go of it.
  ASSERT_TRUE(door.wait_for(1));
  const explanation why = must(m.explain_run(id));
  EXPECT_EQ(why.status, run_status::running);
  EXPECT_EQ(why.reason, run_reason::waiting_for_child);
  const run_id child = only_child_of(m, id);
  EXPECT_EQ(why.evidence.at("child").at("run"), to_string(child));
  EXPECT_EQ(why.evidence.at("child").at("status"), "running");
  EXPECT_EQ(why.next_actions.front().action, run_action::explain_child);
  EXPECT_EQ(must(m.explain_run(child)).evidence.at("parent").at("run"), to_string(id));
  EXPECT_EQ(status_of(must(m.inspect_run(id)), "ship"), step_status::waiting);
  door.open();
  EXPECT_EQ(ended(m, id).status, run_status::completed);
}

TEST_P(family, a_run_that_fails_is_a_failure_of_the_step) {
  mesh m = open();
  must(m.add(deliver, {{"carry", [](const json&, step_context&) -> result<json> {
                          return std::unexpected(permanent("lost with pin 1234"));
                        }}}));
  must(m.add(parent_of_one, {{"bill", note()}}));
  must(m.start());
  const run_view run = ended(m, must(m.start_run(parent_of_one, {{"pin", "1234"}})).id);
  EXPECT_EQ(run.status, run_status::failed);
  EXPECT_EQ(run.error->at("kind"), "child_failed");
  EXPECT_EQ(run.error->at("details").at("run"), to_string(run.children.front().id));
  EXPECT_NE(run.error->at("message").get<std::string>().find("lost with pin"), std::string::npos);
  EXPECT_EQ(run.error->at("message").get<std::string>().find("1234"), std::string::npos) << "the child's secret";
}

TEST_P(family, a_payload_that_does_not_fit_is_a_failure_of_the_step) {
  mesh m = open();
  must(m.add(deliver, {{"carry", carry()}}));
  must(m.add(parent_of_one, {{"bill", note()}}));
  must(m.start());
  const run_id id = must(m.start_run(parent_of_one)).id;
  EXPECT_EQ(ended(m, id).status, run_status::completed);
  const definition wrong =
      must(definition::from_json(json::parse(R"({"name": "test.wrong",
      "triggers": [{"name": "m", "payload": [{"n": 1, "name": "n", "type": "string", "default": "x"}]}],
      "steps": [{"name": "ship", "kind": "child", "child": {"workflow": "test.deliver"},
                 "input": [{"name": "n", "path": "n"}]}],
      "transitions": [{"from": "ship", "to": "complete"}]})")
                                     .patch(json::parse(R"([{"op": "remove", "path": "/triggers/0/payload/0/n"}])"))));
  must(m.add(wrong, {}));
  const run_view run = ended(m, must(m.start_run("test.wrong")).id);
  EXPECT_EQ(run.status, run_status::failed);
  EXPECT_EQ(run.error->at("code"), "invalid_payload");
  EXPECT_TRUE(run.children.empty());
}

TEST_P(family, cancelling_takes_the_child_along_unless_it_is_abandoned) {
  mesh m = open();
  doorstep door;
  must(m.add(deliver, {{"carry", behind(door)}}));
  must(m.add(parent_of_one, {{"bill", note()}}));
  must(m.add(abandoning));
  must(m.start());
  const run_id parent = must(m.start_run(parent_of_one)).id;
  const run_id careless = must(m.start_run(abandoning)).id;
  ASSERT_TRUE(door.wait_for(2));
  EXPECT_EQ(must(m.cancel_run(parent)).status, run_status::cancelled);
  EXPECT_EQ(must(m.cancel_run(careless)).status, run_status::cancelled);
  EXPECT_TRUE(reaches(m, only_child_of(m, parent), run_status::cancelling));
  door.open();
  EXPECT_EQ(ended(m, only_child_of(m, parent)).status, run_status::cancelled);
  EXPECT_EQ(ended(m, only_child_of(m, careless)).status, run_status::completed);
}

TEST_P(family, a_missed_deadline_takes_the_child_along) {
  mesh m = open();
  must(m.add(deliver, {{"carry", [](const json&, step_context& context) -> result<json> {
                          while (!context.stop().stop_requested()) std::this_thread::sleep_for(1ms);
                          return 1;
                        }}}));
  must(m.add(parent_of_one, {{"bill", note()}}));
  must(m.start());
  const run_id id = must(m.start_run(parent_of_one, {}, {.time_limit = 300ms})).id;
  EXPECT_EQ(ended(m, id).status, run_status::failed);
  EXPECT_EQ(ended(m, only_child_of(m, id)).status, run_status::cancelled);
}

TEST_P(family, a_key_starts_one_run_however_often_the_step_is_tried) {
  mesh m = open();
  std::atomic<int> attempts = 0;
  must(m.add(deliver, {{"carry", carry()}}));
  must(m.add(definition(must(definition::from_json(json::parse(R"({"name": "test.stubborn",
      "triggers": [{"name": "m", "payload": [{"name": "children", "type": "integer", "default": 3}]}],
      "steps": [{"name": "spawn", "retry": {"max_attempts": 2}, "output": "ids"}],
      "transitions": [{"from": "spawn", "to": "complete"}]})")))),
             {{"spawn", [&, spawn = spawn()](const json& input, step_context& context) -> result<json> {
                 auto ids = spawn(input, context);
                 if (attempts++ == 0) return std::unexpected(retryable("after all"));
                 return ids;
               }}}));
  must(m.start());
  const run_view run = ended(m, must(m.start_run("test.stubborn")).id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.children.size(), 3U);
  EXPECT_EQ(seen_.count("existing"), 3);
  EXPECT_EQ(run.children.back().key, "0");
}

TEST_P(family, bad_keys_and_unknown_workflows_are_refused) {
  mesh m = open();
  must(m.add(deliver, {{"carry", carry()}}));
  std::vector<errc> codes;
  must(m.add(spawner, {{"spawn", [&](const json&, step_context& context) -> result<json> {
                          codes.push_back(context.start_child_run("test.deliver", {}, {}).error().code);
                          codes.push_back(context.start_child_run("nobody", {}, {.key = "k"}).error().code);
                          codes.push_back(
                              context.start_child_run("test.deliver", {{"n", "x"}}, {.key = "k"}).error().code);
                          return json();
                        }}}));
  must(m.start());
  const run_id id = must(m.start_run(spawner)).id;
  ASSERT_TRUE(until([&] { return status_of(must(m.inspect_run(id)), "rest") == step_status::waiting; }));
  EXPECT_EQ(codes, (std::vector<errc>{errc::invalid_argument, errc::not_found, errc::invalid_payload}));
}

TEST_P(family, a_thousand_children_end) {
  mesh m = open();
  must(m.add(deliver, {{"carry", carry()}}));
  must(m.add(spawner, {{"spawn", spawn()}}));
  must(m.start({.queues = {{"squid_mesh", 50}}}));
  const run_id id = must(m.start_run(spawner, {{"children", 1000}})).id;
  const auto count = [&](const std::string& status) {
    return database_->query("SELECT count(*) FROM squid_mesh_runs WHERE status = '" + status + "'");
  };
  ASSERT_TRUE(until([&] { return count("completed") == "1000"; })) << count("completed");
  EXPECT_EQ(must(m.inspect_run(id)).children.size(), 100U);
}

TEST_P(family, a_thousand_children_are_cancelled_with_their_parent) {
  mesh m = open();
  must(m.add(deliver, {{"carry", refuse()}}));
  must(m.add(spawner, {{"spawn", [](const json&, step_context& context) -> result<json> {
                          for (int i = 0; i < 1000; ++i) {
                            auto run = context.start_child_run("test.deliver", {{"n", i}},
                                                               {.key = std::to_string(i), .start_after = 1h});
                            if (!run) return std::unexpected(std::move(run).error());
                          }
                          return json();
                        }}}));
  must(m.start());
  const run_id id = must(m.start_run(spawner)).id;
  ASSERT_TRUE(until([&] { return status_of(must(m.inspect_run(id)), "rest") == step_status::waiting; }));
  must(m.cancel_run(id));
  EXPECT_TRUE(until(
      [&] { return database_->query("SELECT count(*) FROM squid_mesh_runs WHERE status = 'cancelled'") == "1001"; }));
}

INSTANTIATE_TEST_SUITE_P(on, family, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
