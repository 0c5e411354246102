// Changing runs from the command line.
#include "cli/cli_world.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace squid_mesh::testing {
namespace {

class changing : public commands {};

TEST_P(changing, starts_runs_of_stored_workflows) {
  const mesh host = working();
  const said started =
      run({"runs", "start", "shop.order", "--payload", "-", "--key", "k1"}, R"({"item": "lamp", "key": "x"})");
  ASSERT_EQ(started.code, 0) << started.err;
  EXPECT_TRUE(run({"runs", "start", "shop.order", "--payload", R"({"item": "lamp", "key": "x"})", "--key", "k1"})
                  .says("started before"));
  const said wrong = run({"runs", "start", "shop.order", "--payload", R"({"item": 7})"});
  EXPECT_EQ(wrong.code, usage);
  EXPECT_TRUE(wrong.warns("item")) << wrong.err;
  EXPECT_TRUE(wrong.warns("key")) << wrong.err;
  EXPECT_TRUE(run({"runs", "start", "shop.order", "--payload", "{item}"}).warns("is not JSON"));
  EXPECT_EQ(run({"runs", "start", "nobody's"}).code, static_cast<int>(exit_code::not_found));
  const json later =
      told({"runs", "start", "shop.order", "--payload", R"({"item": "a", "key": "b"})", "--after", "1h"});
  EXPECT_EQ(status(later.at("run")), "pending");
}

TEST_P(changing, approves_and_rejects) {
  const mesh host = working();
  const std::string first = waiting_order(host);
  EXPECT_EQ(run({"runs", "approve", first}).code, usage) << "who?";
  const said done = run({"runs", "approve", first, "--actor", "ann", "--comment", "fine"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_TRUE(becomes(first, "completed"));
  EXPECT_EQ(run({"runs", "approve", first, "--actor", "bob"}).code, refused);
  const std::string second = waiting_order(host);
  EXPECT_EQ(run({"runs", "reject", second, "--actor", "ann"}).code, 0);
  EXPECT_TRUE(becomes(second, "completed"));
  EXPECT_EQ(seen_.count("refuse"), 1);
  EXPECT_EQ(run({"runs", "unblock", "nonsense"}).code, usage);
}

TEST_P(changing, cancels_one_or_all_that_match_after_asking) {
  const mesh host = working();
  const std::string one = waiting_order(host);
  EXPECT_EQ(run({"runs", "cancel", one, "--actor", "ann", "--reason", "a mistake"}).out,
            "Run " + one + " is cancelled.\n");
  EXPECT_EQ(run({"runs", "cancel", one}).code, refused);
  EXPECT_EQ(run({"runs", "cancel"}).code, usage) << "which?";
  const std::string two = waiting_order(host);
  const std::string three = waiting_order(host);
  EXPECT_EQ(run({"runs", "cancel", "--workflow", "shop.order"}).code, usage) << "nobody is there to be asked";
  const said asked = run({"runs", "cancel", "--workflow", "shop.order"}, "n\n", {.can_be_asked = true});
  EXPECT_EQ(asked.code, refused);
  EXPECT_TRUE(asked.warns("     2  shop.order, paused\nCancel 2 runs? [y/N]")) << asked.err;
  EXPECT_EQ(status(two), "paused");
  const said done = run({"runs", "cancel", "--workflow", "shop.order"}, "y\n", {.can_be_asked = true});
  EXPECT_EQ(done.code, 0);
  EXPECT_EQ(done.out, "Done for 2 of 2 runs.\n");
  EXPECT_EQ(status(three), "cancelled");
  EXPECT_TRUE(run({"runs", "cancel", "--workflow", "shop.order", "--yes"}).warns("No runs match."));
}

TEST_P(changing, retries_replays_and_signals) {
  constexpr auto flaky = workflow({
      .name = "test.flaky",
      .triggers = {{.name = "manual"}},
      .steps = {{"try_it", bound_action}, {"word", await_event{.name = "go"}}},
      .transitions = {{"try_it", on::ok, "word"}, {"word", on::ok, complete}},
  });
  mesh host = open("host");
  std::atomic<bool> works = false;
  must(host.add(flaky, {{"try_it", make_handler([&](const json&) -> result<json> {
                           if (works) return json::object();
                           return std::unexpected(permanent("no"));
                         })}}));
  must(host.start());
  const std::string id = told({"runs", "start", "test.flaky"}).at("run");
  ASSERT_TRUE(becomes(id, "failed"));
  EXPECT_TRUE(run({"runs", "show", id}).says("no"));
  works = true;
  EXPECT_EQ(run({"runs", "retry", "--workflow", "test.flaky", "--yes"}).code, 0);
  ASSERT_TRUE(until([&] { return told({"runs", "explain", id}).at("reason") == "waiting_for_event"; }));
  EXPECT_EQ(run({"runs", "signal", id, "go", "--data", "7"}).code, 0);
  EXPECT_TRUE(becomes(id, "completed"));
  const std::string again = told({"runs", "replay", id, "--actor", "ann"}).at("run");
  EXPECT_NE(again, id);
  EXPECT_EQ(told({"runs", "show", again}).at("replay_of"), id);
}

TEST_P(changing, migrates_runs) {
  constexpr auto renamed = workflow({
      .name = "shop.order",
      .version = "2",
      .triggers = {{.name = "manual", .payload = {{"item", type::string}, {"key", type::string, secret}}}},
      .steps = {{"reserve", bound_action}, {"check", approval{}}, {"ship", bound_action}, {"refuse", bound_action}},
      .transitions = {{"reserve", on::ok, "check"},
                      {"check", on::ok, "ship"},
                      {"check", on::error, "refuse"},
                      {"ship", on::ok, complete},
                      {"refuse", on::ok, complete}},
  });
  mesh host = working();
  const std::string id = waiting_order(host);
  must(host.add(renamed, {{"reserve", note()}, {"ship", note()}, {"refuse", note()}}));
  const said refusal = run({"runs", "migrate", id});
  EXPECT_EQ(refusal.code, refused);
  EXPECT_TRUE(refusal.warns("gate_opened of step release")) << refusal.err;
  EXPECT_EQ(run({"runs", "migrate", id, "--rename", "release=check"}).code, 0);
  EXPECT_TRUE(run({"runs", "explain", id}).says("check"));
}

TEST_P(changing, exports_imports_and_prunes) {
  const mesh host = working();
  const std::string id = waiting_order(host);
  run({"runs", "approve", id, "--actor", "ann"});
  ASSERT_TRUE(becomes(id, "completed"));
  const std::string file = (std::filesystem::temp_directory_path() / ("squid_mesh_cli_test_" + id + ".json")).string();
  EXPECT_EQ(run({"runs", "export", id, "--output", file}).code, 0);
  EXPECT_EQ(run({"prune", "--keep", "0"}).code, usage) << "nobody is there to be asked";
  EXPECT_EQ(run({"prune", "--yes"}).code, usage) << "which?";
  EXPECT_EQ(run({"prune", "--keep", "0", "--yes"}).out, "1 run deleted.\n");
  EXPECT_EQ(run({"runs", "show", id}).code, static_cast<int>(exit_code::not_found));
  EXPECT_EQ(run({"runs", "import", file}).code, 0);
  std::remove(file.c_str());
  EXPECT_TRUE(run({"runs", "list"}).says("(imported)"));
  EXPECT_EQ(run({"runs", "cancel", id}).code, refused);
  EXPECT_EQ(run({"runs", "remove-import", id}).code, 0);
  EXPECT_EQ(run({"runs", "import", file}).code, usage) << "the file is gone";
}

TEST_P(changing, resolves_compensations) {
  constexpr auto saga = workflow({
      .name = "test.saga",
      .triggers = {{.name = "manual"}},
      .steps = {{"book", bound_action, {.compensate = bound_action}}, {"pay", bound_action}},
      .transitions = {{"book", on::ok, "pay"}, {"pay", on::ok, complete}},
  });
  mesh host = open("host");
  const handler fails = make_handler([](const json&) -> result<json> { return std::unexpected(permanent("no")); });
  must(host.add(saga, {{"book", note()}, {"book.compensate", fails}, {"pay", fails}}));
  must(host.start());
  const std::string id = told({"runs", "start", "test.saga"}).at("run");
  ASSERT_TRUE(until([&] { return told({"runs", "explain", id}).at("reason") == "compensation_failed"; }));
  EXPECT_EQ(run({"runs", "compensation", "done", id, "--actor", "ann"}).code, usage) << "why?";
  EXPECT_EQ(run({"runs", "compensation", "done", id, "--actor", "ann", "--reason", "by hand"}).code, 0);
  EXPECT_TRUE(becomes(id, "failed"));
}

TEST_P(changing, pauses_resumes_and_triggers_schedules) {
  constexpr auto nightly = workflow({
      .name = "test.nightly",
      .triggers = {{.name = "night", .schedule = cron{"0 3 * * *", "Etc/UTC"}}},
      .steps = {{"sweep", bound_action}},
      .transitions = {{"sweep", on::ok, complete}},
  });
  mesh host = open("host");
  must(host.add(nightly, {{"sweep", note()}}));
  must(host.start());
  EXPECT_TRUE(run({"schedules", "list"}).says("0 3 * * * Etc/UTC"));
  EXPECT_EQ(run({"schedules", "pause", "test.nightly", "night"}).out, "It is paused now.\n");
  EXPECT_EQ(run({"schedules", "pause", "test.nightly", "night"}).out, "It is paused already.\n");
  EXPECT_TRUE(run({"schedules", "list"}).says("paused"));
  EXPECT_EQ(run({"schedules", "resume", "test.nightly", "night"}).code, 0);
  const std::string id = told({"schedules", "trigger", "test.nightly", "night"}).at("run");
  EXPECT_TRUE(becomes(id, "completed"));
  EXPECT_EQ(run({"schedules", "pause", "nobody's", "night"}).code, static_cast<int>(exit_code::not_found));
}

INSTANTIATE_TEST_SUITE_P(on, changing, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
