// The whole library through its public API, on a real SQLite file with real threads.
#include "support/temporary_directory.h"

#include <squid_mesh/squid_mesh.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;

struct greeting {
  std::string name;
  std::string text;
};
void from_json(const json& j, greeting& g) {
  j.at("name").get_to(g.name);
  j.at("text").get_to(g.text);
}
void to_json(json& j, const greeting& g) { j = {{"name", g.name}, {"text", g.text}}; }

json compose(const json& input) { return {{"name", input.at("who")}, {"text", "hello"}}; }
greeting shout(const greeting& g, step_context& context) {
  context.log(level::info, "shouting at " + g.name);
  return {.name = g.name, .text = g.text + "!"};
}

constexpr auto greet = workflow({
    .name = "test.greet",
    .triggers = {{.name = "manual",
                  .payload = {{"who", type::string, value("world")},
                              {"day", type::string, today},
                              {"token", type::string, secret},
                              {"times", type::integer, squid_mesh::optional}}}},
    .steps = {{"compose", action<compose>, {.input = {"who"}, .output = "greeting"}},
              {"note", log{"composed"}},
              {"shout", action<shout>, {.input = {{"name", "greeting.name"}, {"text", "greeting.text"}}}}},
    .transitions = {{"compose", on::ok, "note"}, {"note", on::ok, "shout"}, {"shout", on::ok, complete}},
});

constexpr auto fragile = workflow({
    .name = "test.fragile",
    .triggers = {{.name = "manual"}},
    .steps = {{"work", bound_action, {.output = "done", .retry = {.max_attempts = 3, .backoff = constant(5ms)}}},
              {"repair", bound_action, {.output = "repaired"}}},
    .transitions = {{"work", on::ok, complete}, {"work", on::error, "repair"}, {"repair", on::ok, complete}},
});

constexpr auto slow = workflow({
    .name = "test.slow",
    .triggers = {{.name = "manual"}},
    .steps = {{"work", bound_action, {.timeout = 30ms}}},
    .transitions = {{"work", on::ok, complete}},
});

constexpr auto napping = workflow({
    .name = "test.napping",
    .triggers = {{.name = "manual"}},
    .steps = {{"nap", wait{200ms}}, {"wake", log{"good morning"}}},
    .transitions = {{"nap", on::ok, "wake"}, {"wake", on::ok, complete}},
});

handler answer(json output) {
  return [output = std::move(output)](const json&, step_context&) -> result<json> { return output; };
}

class MeshTest : public ::testing::Test {
 protected:
  mesh open(const std::string& name = "node") {
    auto opened = mesh::open({.database = directory_.database(), .log = sink(), .node_name = name});
    EXPECT_TRUE(opened) << to_string(opened.error());
    return *std::move(opened);
  }
  log_sink sink() {
    return [this](level, std::string_view line) {
      const std::lock_guard lock(mutex_);
      log_ += std::string(line) + "\n";
    };
  }
  std::string logged() {
    const std::lock_guard lock(mutex_);
    return log_;
  }

  temporary_directory directory_;

 private:
  std::mutex mutex_;
  std::string log_;
};

std::vector<std::string> attempts_of(const run_view& run, const std::string& step) {
  std::vector<std::string> list;
  for (const step_view& s : run.steps) {
    if (s.name != step) continue;
    for (const attempt_view& a : s.attempts) list.emplace_back(to_string(a.status));
  }
  return list;
}

TEST_F(MeshTest, RunsAWorkflowAndShowsItsHistory) {
  mesh m = open();
  ASSERT_TRUE(m.add(greet));
  ASSERT_TRUE(m.start());
  const auto started = m.start_run(greet, {{"token", "s3cret-token"}});
  ASSERT_TRUE(started) << to_string(started.error());
  ASSERT_TRUE(m.await_run(started->id, 10s));
  const auto run = m.inspect_run(started->id, {.include_history = true});
  ASSERT_TRUE(run);
  EXPECT_EQ(run->status, run_status::completed);
  EXPECT_EQ(run->context["text"], "hello!");
  EXPECT_EQ(run->context["greeting"]["name"], "world");
  ASSERT_EQ(run->steps.size(), 3U);
  EXPECT_EQ(run->steps[2].name, "shout");
  EXPECT_EQ(*run->steps[2].input, (json{{"name", "world"}, {"text", "hello"}}));
  EXPECT_EQ(*run->steps[2].output, (json{{"name", "world"}, {"text", "hello!"}}));
  ASSERT_EQ(run->attempts.size(), 3U);
  EXPECT_EQ(run->attempts[0].node, "node");
  EXPECT_GE(*run->attempts[0].ended_at, run->attempts[0].started_at);
  std::vector<std::string> kinds;
  for (const audit_event& e : run->history) kinds.push_back(e.kind);
  EXPECT_EQ(kinds, (std::vector<std::string>{"run_started", "step_completed", "step_completed", "step_completed",
                                             "run_completed"}));
  EXPECT_NE(logged().find("shouting at world"), std::string::npos);
  EXPECT_NE(logged().find("composed"), std::string::npos);
}

TEST_F(MeshTest, RefusesBadPayloadsAndWritesNothing) {
  mesh m = open();
  ASSERT_TRUE(m.add(greet));
  const auto refused = m.start_run(greet, {{"who", 7}, {"surplus", true}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_payload);
  std::vector<std::string> paths;
  for (const problem& p : refused.error().problems) paths.push_back(p.path + " " + p.rule);
  EXPECT_EQ(paths, (std::vector<std::string>{"payload.who field_has_the_wrong_type", "payload.token field_is_missing",
                                             "payload.surplus field_is_not_declared"}));
  EXPECT_EQ(m.start_run(greet, json::array()).error().code, errc::invalid_payload);
  EXPECT_EQ(m.start_run("test.unknown").error().code, errc::not_found);
  EXPECT_EQ(m.start_run(greet, {{"token", "t"}}, {.trigger = "cron"}).error().code, errc::not_found);
  EXPECT_FALSE(m.start_runs("test.greet", {{{"token", "good"}}, {{"token", 1}}}));
  EXPECT_TRUE(m.list_runs()->runs.empty());
}

TEST_F(MeshTest, MasksSecretsEverywhere) {
  mesh m = open();
  constexpr auto leaky = workflow({
      .name = "test.leaky",
      .triggers = {{.name = "manual", .payload = {{"password", type::string, secret}}}},
      .steps = {{"leak", bound_action, {.input = {{"renamed", "password"}}, .output = "copy"}}, {"fail", bound_action}},
      .transitions = {{"leak", on::ok, "fail"}, {"fail", on::ok, complete}},
  });
  ASSERT_TRUE(m.add(leaky, {{"leak", make_handler([](const json& in, step_context& context) {
                               context.log(level::info, "got " + in.at("renamed").get<std::string>());
                               return json{{"echo", "<" + in.at("renamed").get<std::string>() + ">"}};
                             })},
                            {"fail", make_handler([](const json& in) -> result<json> {
                               return std::unexpected(permanent("can't log in with " + in.at("password").dump()));
                             })}}));
  ASSERT_TRUE(m.start());
  const auto run = m.start_run(leaky, {{"password", "correct horse"}});
  ASSERT_TRUE(m.await_run(run->id, 10s));
  const std::string shown = to_json(*m.inspect_run(run->id, {.include_history = true})).dump();
  EXPECT_EQ(shown.find("correct horse"), std::string::npos) << shown;
  EXPECT_NE(shown.find("********"), std::string::npos);
  EXPECT_EQ(logged().find("correct horse"), std::string::npos) << logged();
}

TEST_F(MeshTest, RetriesThenTakesTheErrorRoute) {
  mesh m = open();
  std::atomic<int> calls = 0;
  ASSERT_TRUE(m.add(fragile, {{"work", make_handler([&calls](const json&, step_context& context) -> result<json> {
                                 EXPECT_EQ(context.attempt(), ++calls);
                                 EXPECT_EQ(context.idempotency_key(), to_string(context.run()) + ":work");
                                 if (calls == 2) throw std::runtime_error("thrown");
                                 return std::unexpected(retryable("not yet"));
                               })},
                              {"repair", answer("glue")}}));
  ASSERT_TRUE(m.start());
  const auto started = m.start_run(fragile);
  const auto run = m.await_run(started->id, 10s);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->status, run_status::completed);
  EXPECT_EQ(run->context, (json{{"repaired", "glue"}}));
  EXPECT_EQ(attempts_of(*run, "work"), (std::vector<std::string>{"failed", "failed", "failed"}));
  EXPECT_EQ((*run->steps[0].error)["message"], "not yet");
}

TEST_F(MeshTest, PermanentErrorsAreNotRetried) {
  mesh m = open();
  ASSERT_TRUE(m.add(
      fragile, {{"work", make_handler([](const json&) -> result<json> { return std::unexpected(permanent("never")); })},
                {"repair", make_handler([](const json&) -> result<json> {
                   return std::unexpected(retryable("no policy, no retry"));
                 })}}));
  ASSERT_TRUE(m.start());
  const auto run = m.await_run(m.start_run(fragile)->id, 10s);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->status, run_status::failed);
  EXPECT_EQ((*run->error)["message"], "no policy, no retry");
  EXPECT_EQ(attempts_of(*run, "work"), std::vector<std::string>{"failed"});
}

TEST_F(MeshTest, AStepThatTakesTooLongTimesOut) {
  mesh m = open();
  ASSERT_TRUE(m.add(slow, {{"work", make_handler([](step_context& context) {
                              while (!context.stop().stop_requested()) std::this_thread::sleep_for(1ms);
                            })}}));
  ASSERT_TRUE(m.start());
  const auto run = m.await_run(m.start_run(slow)->id, 10s);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->status, run_status::failed);
  EXPECT_EQ((*run->error)["code"], "timeout");
  EXPECT_EQ(attempts_of(*run, "work"), std::vector<std::string>{"timed_out"});
}

TEST_F(MeshTest, AMissingInputIsAStructuredError) {
  mesh m = open();
  constexpr auto needy = workflow({
      .name = "test.needy",
      .triggers = {{.name = "manual"}},
      .steps = {{"give", bound_action, {.output = "given"}}, {"take", bound_action, {.input = {{"x", "given.x"}}}}},
      .transitions = {{"give", on::ok, "take"}, {"take", on::ok, complete}},
  });
  std::atomic<bool> taken = false;
  ASSERT_TRUE(m.add(needy, {{"give", answer({{"y", 1}})}, {"take", make_handler([&taken] { taken = true; })}}));
  ASSERT_TRUE(m.start());
  const auto run = m.await_run(m.start_run(needy)->id, 10s);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->status, run_status::failed);
  EXPECT_EQ((*run->error)["code"], "missing_input");
  EXPECT_EQ((*run->error)["problems"][0]["path"], "given.x");
  EXPECT_FALSE(taken);
}

TEST_F(MeshTest, AWaitFreesItsWorkerAndIsPunctual) {
  mesh m = open();
  ASSERT_TRUE(m.add(napping));
  ASSERT_TRUE(m.add(greet));
  ASSERT_TRUE(m.start({.queues = {{"squid_mesh", 1}}}));
  const auto nap = m.start_run(napping);
  // The only worker is free for this one while the other sleeps.
  ASSERT_TRUE(m.await_run(m.start_run(greet, {{"token", "t"}})->id, 10s));
  const auto run = m.await_run(nap->id, 10s);
  ASSERT_TRUE(run);
  const auto slept = *run->ended_at - run->started_at;
  EXPECT_GE(slept, 200ms);
  EXPECT_LT(slept, 200ms + 2s);  // Generous: the machine may be busy. The usual lateness is a few milliseconds.
}

TEST_F(MeshTest, ListsRunsNewestFirstInPages) {
  mesh m = open();
  ASSERT_TRUE(m.add(greet));
  ASSERT_TRUE(m.add(napping));
  std::vector<run_id> ids;
  ids.reserve(5);
  for (int i = 0; i < 5; ++i) ids.push_back(m.start_run(greet, {{"token", "t"}})->id);
  ASSERT_TRUE(m.start_run(napping));
  const auto first = m.list_runs({.workflow = "test.greet", .limit = 3});
  ASSERT_TRUE(first);
  ASSERT_EQ(first->runs.size(), 3U);
  EXPECT_EQ(first->runs[0].id, ids[4]);
  const auto second = m.list_runs({.workflow = "test.greet", .limit = 3, .cursor = first->next_cursor});
  ASSERT_EQ(second->runs.size(), 2U);
  EXPECT_EQ(second->runs[1].id, ids[0]);
  EXPECT_TRUE(second->next_cursor.empty());
  EXPECT_EQ(m.list_runs({.statuses = {run_status::pending}})->runs.size(), 6U);
  EXPECT_TRUE(m.list_runs({.statuses = {run_status::completed, run_status::failed}})->runs.empty());
  EXPECT_EQ(m.list_runs({.limit = 0}).error().code, errc::invalid_argument);
  EXPECT_EQ(m.list_runs({.cursor = "nonsense"}).error().code, errc::invalid_argument);
}

TEST_F(MeshTest, OneProcessWorksWhileAnotherStartsAndInspects) {
  mesh worker = open("worker");
  mesh client = open("client");
  ASSERT_TRUE(worker.add(greet));
  ASSERT_TRUE(client.add(greet));
  ASSERT_TRUE(worker.start());
  const auto run = client.await_run(client.start_run(greet, {{"token", "t"}})->id, 10s);
  ASSERT_TRUE(run) << to_string(run.error());
  EXPECT_EQ(run->status, run_status::completed);
  EXPECT_EQ(run->steps[0].attempts[0].node, "worker");
}

TEST_F(MeshTest, TwoWorkersOnOneFileShareTheRuns) {
  mesh a = open("a");
  mesh b = open("b");
  std::atomic<int> calls = 0;
  for (mesh* m : {&a, &b}) {
    ASSERT_TRUE(m->add(
        fragile, {{"work", make_handler([&calls](const json&) -> json { return ++calls; })}, {"repair", answer(1)}}));
    ASSERT_TRUE(m->start({.queues = {{"squid_mesh", 4}}}));
  }
  const auto runs = a.start_runs("test.fragile", std::vector<json>(100, json::object()));
  ASSERT_TRUE(runs);
  for (const run_ref& run : *runs) {
    const auto ended = b.await_run(run.id, 20s);
    ASSERT_TRUE(ended) << to_string(ended.error());
    EXPECT_EQ(ended->steps[0].attempts.size(), 1U);
  }
  EXPECT_EQ(calls, 100);
}

TEST_F(MeshTest, StoppingInterruptsWhatTakesTooLongAndDoesNotCountIt) {
  std::latch begun(1);
  mesh m = open("first");
  const auto stubborn = make_handler([&begun](step_context& context) -> result<json> {
    begun.count_down();
    while (!context.stop().stop_requested()) std::this_thread::sleep_for(1ms);
    return std::unexpected(retryable("stopped"));
  });
  ASSERT_TRUE(m.add(fragile, {{"work", stubborn}, {"repair", answer(1)}}));
  ASSERT_TRUE(m.start({.grace = 10ms}));
  EXPECT_EQ(m.start().error().code, errc::conflict);
  const auto run = m.start_run(fragile);
  begun.wait();
  m.stop();
  m.stop();
  EXPECT_EQ(attempts_of(*m.inspect_run(run->id), "work"), std::vector<std::string>{"interrupted"});
  EXPECT_EQ(m.inspect_run(run->id)->status, run_status::running);

  mesh next = open("second");
  ASSERT_TRUE(next.add(fragile, {{"work", answer("ok")}, {"repair", answer(1)}}));
  ASSERT_TRUE(next.start());
  const auto ended = next.await_run(run->id, 10s);
  ASSERT_TRUE(ended);
  EXPECT_EQ(attempts_of(*ended, "work"), (std::vector<std::string>{"interrupted", "completed"}));
}

TEST_F(MeshTest, ARunWithoutAHandlerIsParkedUntilAProcessHasOne) {
  mesh without = open("without");
  mesh with = open("with");
  ASSERT_TRUE(with.add(fragile, {{"work", answer("ok")}, {"repair", answer(1)}}));
  ASSERT_TRUE(without.start());
  const auto run = with.start_run(fragile);
  const auto parked = [&] {
    const auto seen = without.inspect_run(run->id, {.include_history = true});
    return seen && std::ranges::any_of(seen->history, [](const audit_event& e) { return e.kind == "step_parked"; });
  };
  while (!parked()) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(without.inspect_run(run->id)->status, run_status::running);
}

TEST_F(MeshTest, RefusesWhatMakesNoSense) {
  EXPECT_EQ(mesh::open({.database = "mysql://secret@host/db"}).error().code, errc::invalid_argument);
  EXPECT_EQ(mesh::open({.database = "sqlite:/no/such/directory/x.db"}).error().code, errc::storage);
  mesh m = open();
  EXPECT_EQ(m.add(fragile).error().problems.size(), 2U);
  EXPECT_EQ(m.add(greet, {{"nobody", answer(1)}}).error().problems[0].rule, "handler_has_no_action_step");
  EXPECT_EQ(m.start({.queues = {}}).error().code, errc::invalid_argument);
  EXPECT_EQ(m.start({.queues = {{"squid_mesh", 0}}}).error().code, errc::invalid_argument);
  EXPECT_EQ(m.inspect_run({}).error().code, errc::not_found);
  EXPECT_EQ(m.await_run({}, 1ms).error().code, errc::not_found);
  ASSERT_TRUE(m.add(greet));
  const auto waiting = m.start_run(greet, {{"token", "t"}});
  EXPECT_EQ(m.await_run(waiting->id, 5ms).error().code, errc::timeout);
}

TEST_F(MeshTest, RunsADefinitionThatCameAsData) {
  mesh m = open();
  const auto declared = definition::from(greet);
  auto read = definition::from_json(json::parse(declared->to_json().dump()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->fingerprint(), declared->fingerprint());
  ASSERT_TRUE(m.add(*std::move(read), {{"compose", make_handler(compose)}, {"shout", make_handler(shout)}}));
  ASSERT_TRUE(m.start());
  const auto run = m.await_run(m.start_run("test.greet", {{"token", "t"}})->id, 10s);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->status, run_status::completed);
  EXPECT_EQ(run->context["text"], "hello!");
}

TEST_F(MeshTest, AnActionGetsTheHostsObjects) {
  mesh m = open();
  std::atomic<int> counter = 0;
  m.provide(counter);
  ASSERT_TRUE(m.add(
      fragile, {{"work", make_handler([](step_context& context) { return json(++context.host<std::atomic<int>>()); })},
                {"repair", make_handler([](step_context& context) -> json { return context.host<std::string>(); })}}));
  ASSERT_TRUE(m.start());
  ASSERT_TRUE(m.await_run(m.start_run(fragile)->id, 10s));
  EXPECT_EQ(counter, 1);
}

}  // namespace
}  // namespace squid_mesh::testing
