// Changing, exporting and importing many runs at once from the command line.
#include "cli/cli_world.h"
#include "support/temporary_directory.h"

#include <fstream>

namespace squid_mesh::testing {
namespace {

constexpr cli::terminal person{.can_be_asked = true};
constexpr cli::terminal screen{.progress_width = 60};

class bulk : public commands {};

TEST_P(bulk, approves_all_that_match_after_asking) {
  const mesh host = working();
  const std::string one = waiting_order(host);
  const std::string two = waiting_order(host);
  const std::vector<std::string> approve{"runs", "approve", "--workflow", "shop.order", "--actor", "ann"};
  EXPECT_EQ(run(approve).code, usage) << "nobody is there to be asked";
  EXPECT_TRUE(run({"runs", "approve", "--workflow", "shop.order", "--yes"}).warns("--actor NAME")) << "who?";
  EXPECT_TRUE(run({"runs", "approve", "--actor", "ann"}).warns("which runs?"));
  const said asked = run(approve, "n\n", person);
  EXPECT_EQ(asked.code, refused);
  EXPECT_TRUE(asked.warns("     2  shop.order, paused\nApprove 2 runs? [y/N]")) << asked.err;
  EXPECT_EQ(status(one), "paused");
  EXPECT_EQ(run(approve, "y\n", person).out, "Done for 2 of 2 runs.\n");
  EXPECT_TRUE(becomes(one, "completed"));
  EXPECT_TRUE(becomes(two, "completed"));
}

TEST_P(bulk, rejects_what_is_named_and_says_which_it_could_not) {
  const mesh host = working();
  const std::string one = waiting_order(host);
  const std::string two = waiting_order(host);
  run({"runs", "cancel", two});
  const said done = run({"runs", "reject", one, two, "--actor", "ann"});
  EXPECT_EQ(done.code, static_cast<int>(exit_code::failed));
  EXPECT_EQ(done.out, "Done for 1 of 2 runs.\n");
  EXPECT_TRUE(done.warns(two + ": ")) << done.err;
  EXPECT_TRUE(done.warns("1 run could not be changed")) << done.err;
  EXPECT_TRUE(becomes(one, "completed"));
  EXPECT_EQ(seen_.count("refuse"), 1);
}

TEST_P(bulk, tells_of_many_in_json_however_many_there_are) {
  const mesh host = working();
  const std::vector<std::string> reject{"runs", "reject", "--workflow", "shop.order", "--actor", "ann", "--yes"};
  EXPECT_EQ(told(reject).at("outcomes").size(), 0U);
  const std::string id = waiting_order(host);
  const json one = told(reject).at("outcomes");
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one.at(0).at("run"), id);
  EXPECT_EQ(one.at(0).at("repeated"), false);
}

TEST_P(bulk, unblocks_and_signals) {
  constexpr auto patient = workflow({
      .name = "test.patient",
      .triggers = {{.name = "manual"}},
      .steps = {{"hold", pause{}}, {"word", await_event{.name = "go"}}},
      .transitions = {{"hold", on::ok, "word"}, {"word", on::ok, complete}},
  });
  mesh host = open("host");
  must(host.add(patient));
  must(host.start());
  const std::string one = told({"runs", "start", "test.patient"}).at("run");
  const std::string two = told({"runs", "start", "test.patient"}).at("run");
  ASSERT_TRUE(becomes(one, "paused") && becomes(two, "paused"));
  EXPECT_EQ(run({"runs", "unblock", "--workflow", "test.patient", "--yes"}).out, "Done for 2 of 2 runs.\n");
  for (const std::string& id : {one, two}) {
    ASSERT_TRUE(until([&] { return told({"runs", "explain", id}).at("reason") == "waiting_for_event"; }));
  }
  EXPECT_EQ(run({"runs", "signal"}).code, usage);
  EXPECT_TRUE(run({"runs", "signal", one}).warns("which event?"));
  EXPECT_EQ(run({"runs", "signal", one, "go", "--workflow", "test.patient"}).code, usage) << "a run and a filter";
  const said asked = run({"runs", "signal", "go", "--workflow", "test.patient", "--data", "7"}, "n\n", person);
  EXPECT_TRUE(asked.warns("Bring go to 2 runs? [y/N]")) << asked.err;
  EXPECT_EQ(run({"runs", "signal", "go", "--workflow", "test.patient", "--data", "7", "--yes"}).code, 0);
  EXPECT_TRUE(becomes(one, "completed"));
  EXPECT_TRUE(becomes(two, "completed"));
}

TEST_P(bulk, replays_what_has_ended) {
  const mesh host = working();
  const std::string ended = waiting_order(host);
  const std::string other = waiting_order(host);
  run({"runs", "cancel", ended});
  const json outcomes = told({"runs", "replay", "--workflow", "shop.order", "--yes"}).at("outcomes");
  ASSERT_EQ(outcomes.size(), 1U) << "not what goes on";
  EXPECT_EQ(outcomes.at(0).at("run"), ended);
  const std::string again = outcomes.at(0).at("replayed_as");
  EXPECT_EQ(told({"runs", "show", again}).at("replay_of"), ended);
  EXPECT_EQ(status(other), "paused");
}

TEST_P(bulk, goes_beyond_a_page_and_says_what_the_limit_leaves_out) {
  mesh host = open("host");
  must(host.add(order, {{"reserve", note()}, {"ship", note()}, {"refuse", note()}}));
  must(host.start_runs("shop.order", std::vector<json>(1'030, {{"item", "lamp"}, {"key", "k"}})));
  const said asked = run({"runs", "cancel", "--workflow", "shop.order"}, "n\n", person);
  EXPECT_TRUE(asked.warns("Cancel 50 runs?")) << asked.err;
  EXPECT_TRUE(asked.warns("and more, which --limit leaves out")) << asked.err;
  const said done = run({"runs", "cancel", "--workflow", "shop.order", "--limit", "5000", "--yes"});
  EXPECT_EQ(done.out, "Done for 1030 of 1030 runs.\n") << done.err;
  EXPECT_EQ(run({"prune", "--keep", "7", "--limit", "5000", "--yes"}).out, "1023 runs deleted.\n");
}

TEST_P(bulk, shows_its_progress_on_a_terminal_alone) {
  const mesh host = working();
  waiting_order(host);
  waiting_order(host);
  const std::vector<std::string> cancel{"runs", "cancel", "--workflow", "shop.order", "--yes"};
  const said quiet = run({"runs", "export", "--workflow", "shop.order"});
  EXPECT_EQ(quiet.err, "");
  const said shown = run(cancel, {}, screen);
  EXPECT_TRUE(shown.warns("\r\x1b[KCancelling 0 of 2 (0%)")) << shown.err;
  EXPECT_TRUE(shown.err.ends_with("\r\x1b[K")) << "it is gone at the end";
  EXPECT_EQ(shown.out, "Done for 2 of 2 runs.\n");
  EXPECT_TRUE(run({"prune", "--keep", "0", "--yes"}, {}, screen).warns("Deleting runs: 0"));
}

TEST_P(bulk, exports_and_imports_many) {
  const temporary_directory files;
  const std::string file = files / "runs.jsonl";
  const mesh host = working();
  const std::string one = waiting_order(host);
  const std::string two = waiting_order(host);
  EXPECT_EQ(run({"runs", "export"}).code, usage) << "which?";
  ASSERT_EQ(run({"runs", "export", "--workflow", "shop.order", "--output", file}).code, 0);
  std::ifstream written(file);
  std::size_t lines = 0;
  for (std::string line; std::getline(written, line); ++lines) {
    EXPECT_TRUE(json::parse(line).contains("version"));
    EXPECT_EQ(line.find("hush-hush"), std::string::npos) << "secrets are masked";
  }
  EXPECT_EQ(lines, 2U);
  run({"runs", "cancel", one, two});
  run({"prune", "--keep", "0", "--yes"});
  EXPECT_EQ(run({"runs", "import", file}).out, "2 runs imported.\n");
  EXPECT_EQ(run({"runs", "import", file}).out, "0 runs imported, 2 here already.\n");
  EXPECT_EQ(told({"runs", "show", two}).at("status"), "paused");
  EXPECT_EQ(told({"runs", "import", file}).at("outcomes").at(1).at("existing"), true);
}

TEST_P(bulk, imports_what_it_can_and_says_what_it_could_not) {
  const mesh host = working();
  const std::string good = run({"runs", "export", waiting_order(host)}).out;
  const said mixed = run({"runs", "import", "-"}, good + R"({"version": 99})");
  EXPECT_EQ(mixed.code, static_cast<int>(exit_code::failed));
  EXPECT_EQ(mixed.out, "0 runs imported, 1 here already.\n");
  EXPECT_TRUE(mixed.warns("standard input, document 2: ")) << mixed.err;
  const said broken = run({"runs", "import", "-"}, good + "{oops");
  EXPECT_EQ(broken.code, usage);
  EXPECT_TRUE(broken.warns("standard input, document 2 is not JSON: byte 2")) << broken.err;
  EXPECT_EQ(run({"runs", "import", "-"}, " \n").code, usage) << "nothing is there";
}

INSTANTIATE_TEST_SUITE_P(on, bulk, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
