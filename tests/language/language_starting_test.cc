// How runs start: keys, delays, deadlines, priorities, queues, through the public API.
#include "language/language_world.h"

#include <set>

namespace squid_mesh::testing {
namespace {

constexpr auto single = workflow({
    .name = "test.single_start",
    .triggers = {{.name = "manual", .payload = {{"n", type::integer, value(1)}}},
                 {.name = "other", .payload = {{"m", type::integer, value(2)}}}},
    .steps = {{"work", bound_action}},
    .transitions = {{"work", on::ok, complete}},
});

constexpr auto two_queues = workflow({
    .name = "test.two_queues",
    .queue = "light",
    .triggers = {{.name = "manual"}},
    .steps = {{"ask", bound_action}, {"render", bound_action, {.queue = "heavy"}}, {"tell", bound_action}},
    .transitions = {{"ask", on::ok, "render"}, {"render", on::ok, "tell"}, {"tell", on::ok, complete}},
});

class starting : public language {};

TEST_P(starting, under_one_key_happens_once) {
  mesh m = open();
  must(m.add(single, {{"work", note()}}));
  const run_ref first = must(m.start_run(single, {}, {.idempotency_key = "order-1"}));
  EXPECT_FALSE(first.existing);
  const run_ref again = must(m.start_run(single, {}, {.idempotency_key = "order-1"}));
  EXPECT_TRUE(again.existing);
  EXPECT_EQ(again.id, first.id);
  EXPECT_NE(must(m.start_run(single, {}, {.idempotency_key = "order-2"})).id, first.id);
  must(m.start());
  ended(m, first.id);
  EXPECT_EQ(must(m.start_run(single, {}, {.idempotency_key = "order-1"})).id, first.id) << "also when it has ended";
  EXPECT_EQ(m.start_runs("test.single_start", {json::object(), json::object()}, {.idempotency_key = "k"}).error().code,
            errc::invalid_argument);
}

TEST_P(starting, at_the_same_moment_under_one_key_happens_once) {
  std::vector<mesh> meshes;
  for (const char* name : {"a", "b", "c", "d"}) {
    meshes.push_back(open(name));
    must(meshes.back().add(single, {{"work", note()}}));
  }
  for (int i = 0; i < 10; ++i) {
    const std::string key = "key-" + std::to_string(i);
    std::vector<result<run_ref>> refs(meshes.size());
    std::vector<std::thread> threads;
    threads.reserve(meshes.size());
    for (std::size_t k = 0; k < meshes.size(); ++k) {
      threads.emplace_back([&, k] { refs[k] = meshes[k].start_run(single, {}, {.idempotency_key = key}); });
    }
    for (std::thread& each : threads) each.join();
    std::set<run_id> ids;
    std::size_t fresh = 0;
    for (const auto& ref : refs) {
      ASSERT_TRUE(ref) << to_string(ref.error());
      ids.insert(ref->id);
      fresh += ref->existing ? 0U : 1U;
    }
    EXPECT_EQ(ids.size(), 1U);
    EXPECT_EQ(fresh, 1U);
  }
}

TEST_P(starting, later_waits_until_then) {
  mesh m = open();
  must(m.add(single, {{"work", note()}}));
  must(m.start());
  const auto before = std::chrono::steady_clock::now();
  const run_id id = must(m.start_run(single, {}, {.start_after = 200ms})).id;
  EXPECT_EQ(must(m.inspect_run(id)).status, run_status::pending);
  ended(m, id);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 190ms);
}

TEST_P(starting, with_a_deadline_ends_in_time) {
  mesh m = open();
  must(m.add(single, {{"work", [](const json&, step_context& context) -> result<json> {
                         while (!context.stop().stop_requested()) std::this_thread::sleep_for(1ms);
                         return std::unexpected(retryable("stopped"));
                       }}}));
  must(m.start());
  const run_view late = ended(m, must(m.start_run(single, {}, {.time_limit = 100ms})).id);
  EXPECT_EQ(late.status, run_status::failed);
  EXPECT_EQ(late.error->at("kind"), "deadline");
}

TEST_P(starting, with_a_deadline_that_is_kept_leaves_nothing) {
  mesh m = open();
  must(m.add(single, {{"work", note()}}));
  must(m.start());
  const run_view run = ended(m, must(m.start_run(single, {}, {.time_limit = 1h})).id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(database_->query("SELECT count(*) FROM oban_jobs WHERE state IN ('available', 'scheduled')"), "0");
}

TEST_P(starting, by_priority_first_things_first) {
  mesh m = open();
  must(m.add(single, {{"work", make_handler([this](const json& input) {
                         seen_.add(input.at("n").dump());
                         return json::object();
                       })}}));
  must(m.start_run(single, {{"n", 9}}, {.priority = 9}));
  const run_id middle = must(m.start_run(single, {{"n", 5}}, {.priority = 5})).id;
  must(m.start_run(single, {{"n", 0}}));
  must(m.start({.queues = {{"squid_mesh", 1}}}));
  ended(m, middle);
  ASSERT_TRUE(until([&] { return seen_.lines().size() == 3; }));
  EXPECT_EQ(seen_.lines(), (std::vector<std::string>{"0", "5", "9"}));
}

TEST_P(starting, by_another_trigger_takes_its_payload) {
  mesh m = open();
  must(m.add(single, {{"work", note()}}));
  const run_id id = must(m.start_run(single, {{"m", 3}}, {.trigger = "other"})).id;
  EXPECT_EQ(must(m.inspect_run(id)).payload, (json{{"m", 3}}));
  EXPECT_EQ(m.start_run(single, {}, {.trigger = "nobody"}).error().code, errc::not_found);
}

TEST_P(starting, on_a_queue_stays_there_but_for_steps_of_others) {
  mesh light = open("light");
  mesh heavy = open("heavy");
  for (mesh* each : {&light, &heavy})
    must(each->add(two_queues, {{"ask", note()}, {"render", note()}, {"tell", note()}}));
  must(light.start({.queues = {{"light", 2}}, .poll = 50ms}));
  must(heavy.start({.queues = {{"heavy", 2}}, .poll = 50ms}));
  const run_view run = ended(light, must(light.start_run(two_queues)).id);
  EXPECT_EQ(run.status, run_status::completed);
  std::vector<std::string> nodes;
  nodes.reserve(run.attempts.size());
  for (const attempt_view& each : run.attempts) nodes.push_back(each.node);
  EXPECT_EQ(nodes, (std::vector<std::string>{"light", "heavy", "light"}));
}

TEST_P(starting, refuses_what_makes_no_sense) {
  mesh m = open();
  must(m.add(single, {{"work", note()}}));
  const auto refused = [&](const start_options& options) {
    const auto started = m.start_run(single, {}, options);
    return !started && started.error().code == errc::invalid_argument;
  };
  const time_point now = std::chrono::floor<microseconds>(std::chrono::system_clock::now());
  EXPECT_TRUE(refused({.priority = 10}));
  EXPECT_TRUE(refused({.priority = -1}));
  EXPECT_TRUE(refused({.start_after = -1ms}));
  EXPECT_TRUE(refused({.start_at = now, .start_after = 1ms}));
  EXPECT_TRUE(refused({.deadline = now - 1h}));
  EXPECT_TRUE(refused({.deadline = now + 1h, .time_limit = 1h}));
  EXPECT_TRUE(refused({.idempotency_key = std::string(256, 'k')}));
  EXPECT_TRUE(must(m.list_runs()).runs.empty());
}

INSTANTIATE_TEST_SUITE_P(databases, starting, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
