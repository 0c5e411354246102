// Steps that begin after others, side by side, through the public API.
#include "language/language_world.h"

#include <atomic>

namespace squid_mesh::testing {
namespace {

constexpr auto diamond = workflow({
    .name = "test.diamond",
    .triggers = {{.name = "manual", .payload = {{"n", type::integer, value(1)}}}},
    .steps = {{"stock", bound_action, {.output = "stock"}},
              {"credit", bound_action, {.output = "credit"}},
              {"label", bound_action, {.input = {"stock"}, .output = "label", .after = {"stock"}}},
              {"ship",
               bound_action,
               {.input = {"label", {"score", "credit.score"}}, .output = "shipped", .after = {"label", "credit"}}}},
});

constexpr auto fragile = workflow({
    .name = "test.fragile_branches",
    .triggers = {{.name = "manual"}},
    .steps = {{"breaks", bound_action},
              {"works", bound_action, {.output = "worked"}},
              {"flakes", bound_action, {.retry = {.max_attempts = 5, .backoff = constant(30s)}}},
              {"waits", wait{1h}},
              {"after_works", bound_action, {.after = {"works"}}},
              {"all", bound_action, {.after = {"breaks", "after_works", "flakes", "waits"}}}},
});

constexpr auto guarded = workflow({
    .name = "test.guarded_branches",
    .triggers = {{.name = "manual"}},
    .steps = {{"left", approval{}}, {"right", approval{}}, {"both", bound_action, {.after = {"left", "right"}}}},
});

/// `width` steps side by side, and one after all of them.
json fan(std::size_t width) {
  json steps = json::array();
  json names = json::array();
  for (std::size_t i = 0; i < width; ++i) {
    const std::string name = "part_" + std::to_string(i);
    names.push_back(name);
    steps.push_back({{"name", name}, {"input", {{{"name", "n"}, {"path", "n"}}}}, {"output", name}});
  }
  steps.push_back({{"name", "join"}, {"output", "joined"}, {"after", names}});
  return {{"name", "test.fan_" + std::to_string(width)},
          {"triggers", {{{"name", "manual"}, {"payload", {{{"name", "n"}, {"type", "integer"}, {"default", 1}}}}}}},
          {"steps", steps}};
}

class joins : public language {
 protected:
  std::map<std::string, handler> diamond_handlers() {
    return {{"stock", note(5)}, {"credit", note({{"score", 700}})}, {"label", note("L-5")}, {"ship", note("sent")}};
  }

  /// A definition of `fan`, on this mesh; every part passes `parts_door_` and adds to `parts_`.
  void add_fan(mesh& m, std::size_t width) {
    auto read = must(definition::from_json(fan(width)));
    std::map<std::string, handler> handlers;
    for (const auto& step : read.steps()) {
      handlers[step.name] = make_handler([this, name = step.name](const json& input) {
        if (name == "join") {
          ++joined_;
          return json(input.size());
        }
        parts_door_.pass();
        ++parts_;
        return json{{"part", name}};
      });
    }
    must(m.add(std::move(read), std::move(handlers)));
  }

  doorstep parts_door_;
  std::atomic<std::size_t> parts_ = 0;
  std::atomic<std::size_t> joined_ = 0;
};

TEST_P(joins, run_once_after_all_that_they_wait_for) {
  mesh m = open();
  must(m.add(diamond, diamond_handlers()));
  must(m.start());
  const run_view run = ended(m, must(m.start_run(diamond)).id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.context.at("shipped"), "sent");
  const auto seen = seen_.lines();
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen.back(), "ship");
  const auto ship = std::ranges::find(run.steps, "ship", &step_view::name);
  EXPECT_EQ(*ship->input, (json{{"label", "L-5"}, {"score", 700}}));
}

TEST_P(joins, have_branches_that_go_on_at_the_same_time) {
  mesh m = open();
  doorstep door;
  auto handlers = diamond_handlers();
  for (const char* name : {"stock", "credit"}) {
    handlers[name] = make_handler([&](const json&) {
      door.pass();
      return json{{"score", 1}};
    });
  }
  must(m.add(diamond, std::move(handlers)));
  must(m.start());
  const run_id id = must(m.start_run(diamond)).id;
  EXPECT_TRUE(door.wait_for(2));
  EXPECT_EQ(must(m.inspect_run(id)).status, run_status::running);
  door.open();
  EXPECT_EQ(ended(m, id).status, run_status::completed);
}

TEST_P(joins, do_not_begin_after_a_sibling_has_failed) {
  mesh m = open();
  doorstep before_it_breaks;
  doorstep after_it_broke;
  must(m.add(fragile, {{"breaks", make_handler([&](const json&) -> result<json> {
                          before_it_breaks.pass();
                          return std::unexpected(permanent("it broke"));
                        })},
                       {"works", make_handler([&](const json&) -> result<json> {
                          after_it_broke.pass();
                          return json("kept");
                        })},
                       {"flakes",
                        make_handler([](const json&) -> result<json> { return std::unexpected(retryable("flaked")); })},
                       {"after_works", note()},
                       {"all", note()}}));
  must(m.start());
  const run_id id = must(m.start_run(fragile)).id;
  ASSERT_TRUE(before_it_breaks.wait_for(1));
  ASSERT_TRUE(after_it_broke.wait_for(1));
  ASSERT_TRUE(reaches(m, id, run_status::retrying)) << "a sibling's retry keeps the run retrying";
  before_it_breaks.open();
  ASSERT_TRUE(until([&] { return status_of(must(m.inspect_run(id)), "breaks") == step_status::failed; }));
  after_it_broke.open();
  const run_view run = ended(m, id);
  EXPECT_EQ(run.status, run_status::failed);
  EXPECT_EQ(run.error->at("message"), "it broke");
  EXPECT_EQ(status_of(run, "works"), step_status::completed) << "what was going on is kept";
  EXPECT_EQ(run.context.at("worked"), "kept");
  EXPECT_EQ(status_of(run, "flakes"), step_status::cancelled);
  EXPECT_EQ(status_of(run, "waits"), step_status::cancelled);
  EXPECT_TRUE(seen_.lines().empty());
  EXPECT_EQ(database_->query("SELECT count(*) FROM oban_jobs WHERE state NOT IN ('completed', 'cancelled')"), "0");
}

TEST_P(joins, go_on_where_they_failed_when_retried) {
  mesh m = open();
  std::atomic<bool> broken = true;
  auto handlers = diamond_handlers();
  handlers["credit"] = make_handler([&](const json&) -> result<json> {
    seen_.add("credit");
    if (broken) return std::unexpected(permanent("no"));
    return json{{"score", 1}};
  });
  must(m.add(diamond, std::move(handlers)));
  must(m.start());
  const run_id id = must(m.start_run(diamond)).id;
  EXPECT_EQ(ended(m, id).status, run_status::failed);
  broken = false;
  must(m.retry_run(id, {{.actor = "olga", .reason = "credit is back"}}));
  ASSERT_TRUE(until([&] { return must(m.inspect_run(id)).status == run_status::completed; }));
  EXPECT_EQ(seen_.count("stock"), 1) << "what was completed isn't done again";
  EXPECT_EQ(seen_.count("credit"), 2);
  EXPECT_EQ(seen_.count("ship"), 1);
}

TEST_P(joins, wait_for_all_gates) {
  mesh m = open();
  must(m.add(guarded, {{"both", note()}}));
  must(m.start());
  const run_id id = must(m.start_run(guarded)).id;
  ASSERT_TRUE(reaches(m, id, run_status::paused));
  ASSERT_TRUE(until([&] { return m.approve_run(id, {.actor = "anna"}).error().kind == "several_gates"; }));
  must(m.approve_run(id, {.actor = "anna", .step = "left"}));
  ASSERT_TRUE(reaches(m, id, run_status::paused));
  must(m.approve_run(id, {.actor = "anna"}));
  EXPECT_EQ(ended(m, id).status, run_status::completed);
  EXPECT_EQ(seen_.count("both"), 1);
}

TEST_P(joins, are_not_driven_on_by_a_node_that_has_lost_their_branches) {
  mesh lost = open("lost");
  mesh heir = open("heir");
  std::map<std::string, doorstep> doors;
  std::map<std::string, doorstep> heirs_doors;
  const auto handlers = [this](std::map<std::string, doorstep>& of, const std::string& node) {
    auto all = diamond_handlers();
    for (const char* name : {"stock", "credit"}) {
      all[name] = make_handler([this, &door = of[name], node, name = std::string(name)](const json&) {
        seen_.add(std::string(name).append(" on ").append(node));
        door.pass();
        return json{{"score", 1}};
      });
    }
    return all;
  };
  must(lost.add(diamond, handlers(doors, "lost")));
  must(heir.add(diamond, handlers(heirs_doors, "heir")));
  must(lost.start({.lease = 60s, .poll = 50ms}));
  const run_id id = must(lost.start_run(diamond)).id;
  ASSERT_TRUE(doors["stock"].wait_for(1));
  ASSERT_TRUE(doors["credit"].wait_for(1));

  // Others take the node for dead, and its branches over.
  database_->execute("DELETE FROM squid_mesh_nodes");
  must(heir.start({.lease = 400ms, .poll = 50ms}));
  ASSERT_TRUE(heirs_doors["stock"].wait_for(1));
  ASSERT_TRUE(heirs_doors["credit"].wait_for(1));
  // The first result tells the lost node that the journal has moved on; the second comes when it knows.
  doors["stock"].open();
  std::this_thread::sleep_for(100ms);
  doors["credit"].open();
  std::this_thread::sleep_for(100ms);
  for (auto& [name, door] : heirs_doors) door.open();
  EXPECT_EQ(ended(heir, id).status, run_status::completed);
  for (const char* step : {"stock on lost", "credit on lost", "stock on heir", "credit on heir"}) {
    EXPECT_EQ(seen_.count(step), 1) << step;
  }
}

TEST_P(joins, of_a_thousand_steps_work_on_one_node) {
  mesh m = open();
  add_fan(m, 1000);
  parts_door_.open();
  must(m.start({.queues = {{"squid_mesh", 50}}}));
  const run_id id = must(m.start_run("test.fan_1000")).id;
  must(m.await_run(id, 100s));
  const run_view run = must(m.inspect_run(id));
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(parts_, 1000U);
  EXPECT_EQ(joined_, 1U);
  EXPECT_EQ(run.context.at("joined"), 1001) << "the join sees the payload and what all of them have put there";
}

TEST_P(joins, of_a_thousand_steps_work_on_three_nodes) {
  std::vector<mesh> nodes;
  for (const char* name : {"one", "two", "three"}) {
    nodes.push_back(open(name));
    add_fan(nodes.back(), 1000);
  }
  const run_id id = must(nodes[0].start_run("test.fan_1000")).id;
  for (mesh& each : nodes) must(each.start({.queues = {{"squid_mesh", 20}}, .poll = 50ms}));
  ASSERT_TRUE(parts_door_.wait_for(60)) << "as many as the three may run together";
  parts_door_.open();
  must(nodes[0].await_run(id, 100s));
  const run_view run = must(nodes[0].inspect_run(id, {.include_history = true}));
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(parts_, 1000U) << "none of them ran twice";
  EXPECT_EQ(joined_, 1U);
  std::set<std::string> names;
  for (const attempt_view& each : run.attempts) names.insert(each.node);
  EXPECT_EQ(names, (std::set<std::string>{"one", "two", "three"}));
}

INSTANTIATE_TEST_SUITE_P(databases, joins, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
