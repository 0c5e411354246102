// Steps that run over lists, through the public API.
#include "language/language_world.h"

#include <atomic>
#include <map>
#include <set>

namespace squid_mesh::testing {
namespace {

constexpr auto party = workflow({
    .name = "test.party",
    .triggers = {{.name = "manual", .payload = {{"guests", type::list}, {"from", type::string, value("ada")}}}},
    .steps = {{"invite",
               for_each{.action = bound_action, .list = "guests", .parallel = 20},
               {.input = {"from"}, .output = "invited", .retry = {.max_attempts = 2, .backoff = constant(1ms)}}},
              {"count", bound_action, {.input = {"invited"}, .output = "count"}}},
    .transitions = {{"invite", on::ok, "count"}, {"count", on::ok, complete}},
});

constexpr auto tolerant = workflow({
    .name = "test.tolerant",
    .triggers = {{.name = "manual", .payload = {{"guests", type::list}}}},
    .steps = {{"invite",
               for_each{
                   .action = bound_action, .list = "guests", .parallel = 3, .on_failure = on_element_failure::collect},
               {.output = "invited"}}},
    .transitions = {{"invite", on::ok, complete}},
});

class lists : public language {
 protected:
  static json numbers(int count) {
    json list = json::array();
    for (int i = 0; i < count; ++i) list.push_back(i);
    return list;
  }
  static handler count() {
    return [](const json& input, step_context&) -> result<json> { return input.at("invited").size(); };
  }
  /// Twice the item.
  static handler twice() {
    return [](const json& input, step_context&) -> result<json> { return 2 * input.at("item").get<int>(); };
  }
};

TEST_P(lists, run_an_action_for_each_element_and_keep_their_order) {
  mesh m = open();
  std::mutex mutex;
  std::map<std::size_t, std::string> keys;
  must(m.add(party, {{"count", count()}, {"invite", [&](const json& input, step_context& context) -> result<json> {
                                            const std::lock_guard lock(mutex);
                                            keys[context.element().value()] = context.idempotency_key();
                                            EXPECT_EQ(input.at("index"), context.element().value());
                                            EXPECT_EQ(input.at("from"), "ada");
                                            return 2 * input.at("item").get<int>();
                                          }}}));
  must(m.start());
  const run_view run = ended(m, must(m.start_run(party, {{"guests", numbers(50)}})).id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.context.at("count"), 50);
  EXPECT_EQ(run.context.at("invited").at(49), 98);
  EXPECT_EQ(run.steps.front().output, run.context.at("invited"));
  EXPECT_EQ(run.steps.front().elements->completed, 50U);
  EXPECT_EQ(run.attempts.size(), 51U);
  std::set<std::string> different;
  for (const auto& [index, key] : keys) different.insert(key);
  EXPECT_EQ(different.size(), 50U);
  EXPECT_EQ(database_->query("SELECT count(element) FROM squid_mesh_attempts WHERE status = 'completed'"), "50");
}

TEST_P(lists, try_an_element_again_by_itself) {
  mesh m = open();
  std::atomic<int> failures = 0;
  must(m.add(party, {{"count", count()}, {"invite", [&](const json& input, step_context& context) -> result<json> {
                                            if (input.at("item") == 3 && context.attempt() == 1) {
                                              ++failures;
                                              return std::unexpected(retryable("not at home"));
                                            }
                                            return input.at("item");
                                          }}}));
  must(m.start());
  const run_view run = ended(m, must(m.start_run(party, {{"guests", numbers(8)}})).id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.context.at("invited"), numbers(8));
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(std::ranges::count(run.attempts, std::optional<std::size_t>(3), &attempt_view::element), 2);
}

TEST_P(lists, fail_with_an_element_unless_failures_are_collected) {
  mesh m = open();
  const handler picky = [](const json& input, step_context&) -> result<json> {
    if (input.at("item") == 1) return std::unexpected(permanent("never"));
    return input.at("item");
  };
  must(m.add(party, {{"count", count()}, {"invite", picky}}));
  must(m.add(tolerant, {{"invite", picky}}));
  must(m.start());
  const run_view failed = ended(m, must(m.start_run(party, {{"guests", numbers(5)}})).id);
  EXPECT_EQ(failed.status, run_status::failed);
  EXPECT_EQ(failed.error->at("message"), "never");
  const run_view collected = ended(m, must(m.start_run(tolerant, {{"guests", numbers(5)}})).id);
  EXPECT_EQ(collected.status, run_status::completed);
  EXPECT_EQ(collected.context.at("invited").at("results"), json({0, nullptr, 2, 3, 4}));
  EXPECT_EQ(collected.context.at("invited").at("failures").at(0).at("index"), 1);
}

TEST_P(lists, never_work_on_more_elements_at_a_time_than_they_say) {
  mesh one = open("one");
  mesh two = open("two");
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  const handler slow = [&](const json&, step_context&) -> result<json> {
    most = std::max<int>(most, ++now);
    std::this_thread::sleep_for(2ms);
    --now;
    return json();
  };
  for (mesh* each : {&one, &two}) {
    must(each->add(tolerant, {{"invite", slow}}));
    must(each->start({.queues = {{"squid_mesh", 10}}, .poll = 20ms}));
  }
  EXPECT_EQ(ended(one, must(one.start_run(tolerant, {{"guests", numbers(60)}})).id).status, run_status::completed);
  EXPECT_LE(most, 3);
  EXPECT_GT(most, 1);
}

TEST_P(lists, explain_how_far_they_have_come) {
  mesh m = open();
  doorstep door;
  must(m.add(tolerant, {{"invite", [&](const json& input, step_context&) -> result<json> {
                           if (input.at("item").get<int>() >= 3) door.pass();
                           return json();
                         }}}));
  must(m.start());
  const run_id id = must(m.start_run(tolerant, {{"guests", numbers(6)}})).id;
  ASSERT_TRUE(door.wait_for(3));
  ASSERT_TRUE(until([&] { return must(m.inspect_run(id)).steps.front().elements->completed == 3; }));
  const explanation why = must(m.explain_run(id));
  EXPECT_EQ(why.reason, run_reason::running_elements);
  EXPECT_NE(why.summary.find("has completed 3 of 6 elements"), std::string::npos) << why.summary;
  EXPECT_EQ(why.evidence.at("elements").at("count"), 6);
  const run_view run = must(m.inspect_run(id, {.include_history = true}));
  EXPECT_EQ(std::ranges::count(run.attempts, attempt_status::running, &attempt_view::status), 3);
  door.open();
  EXPECT_EQ(ended(m, id).status, run_status::completed);
}

TEST_P(lists, are_cancelled) {
  mesh m = open();
  std::atomic<int> begun = 0;
  must(m.add(tolerant, {{"invite", [&](const json&, step_context& context) -> result<json> {
                           ++begun;
                           while (!context.stop().stop_requested()) std::this_thread::sleep_for(1ms);
                           return json();
                         }}}));
  must(m.start());
  const run_id id = must(m.start_run(tolerant, {{"guests", numbers(100)}})).id;
  ASSERT_TRUE(until([&] { return begun == 3; }));
  must(m.cancel_run(id));
  const run_view run = ended(m, id);
  EXPECT_EQ(run.status, run_status::cancelled);
  EXPECT_EQ(std::ranges::count(run.attempts, attempt_status::cancelled, &attempt_view::status), 3);
  EXPECT_EQ(database_->query("SELECT count(*) FROM squid_mesh_branches"), "0");
}

TEST_P(lists, of_ten_thousand_elements_work_on_two_nodes) {
  mesh one = open("one");
  mesh two = open("two");
  for (mesh* each : {&one, &two}) {
    must(each->add(party, {{"count", count()}, {"invite", twice()}}));
    must(each->start({.queues = {{"squid_mesh", 10}}, .poll = 50ms}));
  }
  const run_id id = must(one.start_run(party, {{"guests", numbers(10'000)}})).id;
  must(one.await_run(id, 60s));
  const run_view run = must(one.inspect_run(id));
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.context.at("count"), 10'000);
  EXPECT_EQ(run.context.at("invited").at(9'999), 19'998);
  EXPECT_EQ(database_->query("SELECT count(*) FROM squid_mesh_events WHERE kind = 'element_completed'"), "10000");
}

INSTANTIATE_TEST_SUITE_P(on, lists, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
