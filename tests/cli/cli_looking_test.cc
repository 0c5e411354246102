// Looking at a database from the command line.
#include "cli/cli_world.h"

#include <fstream>
#include <sstream>

namespace squid_mesh::testing {
namespace {

class looking : public commands {};

TEST_P(looking, lists_runs) {
  const mesh host = working();
  EXPECT_EQ(run({"runs", "list"}).out, "No runs.\n");
  const std::string first = waiting_order(host);
  const std::string second = waiting_order(host);
  const said all = run({"runs", "list"});
  EXPECT_EQ(all.code, 0);
  EXPECT_TRUE(all.out.starts_with("RUN ")) << all.out;
  EXPECT_LT(all.out.find(second), all.out.find(first)) << "the newest first";
  EXPECT_TRUE(all.says("shop.order  paused"));
  EXPECT_EQ(told({"runs", "list", "--status", "paused,failed"}).at("runs").size(), 2U);
  EXPECT_EQ(told({"runs", "list", "--status", "failed"}).at("runs").size(), 0U);
  EXPECT_EQ(told({"runs", "list", "--since", "1h", "--workflow", "shop.order"}).at("runs").size(), 2U);
  EXPECT_EQ(told({"runs", "list", "--until", "1h"}).at("runs").size(), 0U);
  const said page = run({"runs", "list", "--limit", "1"});
  EXPECT_TRUE(page.warns("--cursor " + second)) << page.err;
  EXPECT_TRUE(run({"runs", "list", "--cursor", second}).says(first));
}

TEST_P(looking, lists_runs_in_a_narrow_terminal) {
  const mesh host = working();
  waiting_order(host);
  run({"runs", "cancel", "--workflow", "shop.order", "--yes"});
  std::istringstream lines(run({"runs", "list"}, {}, {.width = 80}).out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(cli::width_of(line), 80U) << line;
  EXPECT_TRUE(run({"runs", "list"}, {}, {.width = 80}).says("shop.order"));
}

TEST_P(looking, shows_a_run_without_its_secrets) {
  const mesh host = working();
  const std::string id = waiting_order(host);
  const said shown = run({"runs", "show", id, "--history"});
  EXPECT_EQ(shown.code, 0);
  EXPECT_TRUE(shown.says("shop.order"));
  EXPECT_TRUE(shown.says("release"));
  EXPECT_TRUE(shown.says("Step \"reserve\" completed")) << shown.out;
  EXPECT_FALSE(shown.says("hush-hush"));
  EXPECT_EQ(told({"runs", "show", id}).at("status"), "paused");
}

TEST_P(looking, explains_a_run_with_commands_that_work) {
  const mesh host = working();
  const std::string id = waiting_order(host);
  const said why = run({"runs", "explain", id});
  EXPECT_TRUE(why.says("What you can do:")) << why.out;
  EXPECT_TRUE(why.says("squid-mesh runs approve " + id + " --actor NAME")) << why.out;
  EXPECT_TRUE(why.says("squid-mesh runs cancel " + id)) << why.out;
  EXPECT_EQ(told({"runs", "explain", id}).at("reason"), "waiting_for_approval");
}

TEST_P(looking, draws_a_run) {
  const mesh host = working();
  const std::string id = waiting_order(host);
  EXPECT_EQ(run({"runs", "graph", id}).out,
            "✓ reserve (completed)\n"
            "└─ ok → ▶ release (running)  ← here\n"
            "   ├─ ok → ○ ship\n"
            "   │  └─ ok → ■ the end\n"
            "   └─ error → ○ refuse\n"
            "      └─ ok → ■ the end  (see above)\n");
  EXPECT_TRUE(run({"runs", "graph", id, "--format", "mermaid"}).says("flowchart"));
  EXPECT_TRUE(run({"runs", "graph", id, "--format", "dot"}).says("digraph"));
  EXPECT_EQ(told({"runs", "graph", id}).at("workflow"), "shop.order");
}

TEST_P(looking, watches_a_run_until_it_ends) {
  mesh host = working();
  const std::string id = waiting_order(host);
  const said early = run({"runs", "watch", id, "--timeout", "10ms"});
  EXPECT_EQ(early.code, static_cast<int>(exit_code::failed));
  EXPECT_TRUE(early.warns("has not ended")) << early.err;
  run({"runs", "approve", id, "--actor", "ann"});
  const said whole = run({"runs", "watch", id});
  EXPECT_EQ(whole.code, 0) << whole.err;
  EXPECT_TRUE(whole.says("ann approved")) << whole.out;
  EXPECT_TRUE(whole.says("Step \"ship\" completed"));
  const std::string cancelled = waiting_order(host);
  run({"runs", "cancel", cancelled});
  EXPECT_EQ(run({"runs", "watch", cancelled}).code, static_cast<int>(exit_code::failed));
}

TEST_P(looking, lists_nodes_queues_and_definitions) {
  EXPECT_EQ(run({"migrate"}).code, 0);
  EXPECT_EQ(run({"nodes", "list"}).out, "No process works on this database.\n");
  EXPECT_EQ(run({"queues", "list"}).out, "No queue has work, none is paused, and no process works on one.\n");
  const mesh host = working();
  EXPECT_TRUE(until([&] { return run({"nodes", "list"}).says("alive"); }));
  EXPECT_EQ(told({"nodes", "list"}).at("nodes").at(0).at("name"), "host");
  EXPECT_TRUE(run({"definitions", "list"}).says("shop.order"));
  EXPECT_EQ(told({"definitions", "show", "shop.order"}).at("name"), "shop.order");
  EXPECT_TRUE(run({"definitions", "show", "shop.order", "--format", "mermaid"}).says("reserve"));
  EXPECT_EQ(run({"definitions", "show", "nobody's"}).code, static_cast<int>(exit_code::not_found));
  run({"queues", "pause", "squid_mesh"});
  EXPECT_TRUE(run({"queues", "list"}).says("paused"));
  told({"runs", "start", "shop.order", "--payload", R"({"item": "a", "key": "b"})"});
  EXPECT_EQ(told({"queues", "list"}).at("queues").at(0).at("available"), 1);
  run({"queues", "resume", "squid_mesh"});
  EXPECT_TRUE(until([&] { return told({"runs", "list", "--status", "paused"}).at("runs").size() == 1; }));
}

TEST_P(looking, lists_and_shows_jobs) {
  run({"migrate"});
  const json job =
      told({"jobs", "enqueue", "Mailer", "--args", R"({"to": "ann"})", "--queue", "mail", "--after", "1h"});
  const std::string id = std::to_string(job.at("job").get<int>());
  EXPECT_TRUE(run({"jobs", "list", "--queue", "mail"}).says("Mailer"));
  EXPECT_TRUE(run({"jobs", "list", "--state", "scheduled"}).says("in 59 min"));
  EXPECT_TRUE(run({"jobs", "show", id}).says(R"({"to":"ann"})"));
  EXPECT_EQ(run({"jobs", "cancel", id}).code, 0);
  EXPECT_EQ(told({"jobs", "show", id}).at("state"), "cancelled");
  EXPECT_EQ(run({"jobs", "cancel", id}).code, static_cast<int>(exit_code::refused));
  EXPECT_EQ(run({"jobs", "retry", id}).code, 0);
  EXPECT_EQ(told({"jobs", "show", id}).at("state"), "available");
  EXPECT_EQ(run({"jobs", "show", "999"}).code, static_cast<int>(exit_code::not_found));
}

INSTANTIATE_TEST_SUITE_P(on, looking, both_databases(), database_name);

// -- Without a database

TEST(usage, errors_say_what_was_wrong_and_what_to_try) {
  const auto usage = static_cast<int>(exit_code::usage);
  const said none = run_command({"runs", "list"});
  EXPECT_EQ(none.code, usage);
  EXPECT_TRUE(none.warns("SQUID_MESH_DATABASE")) << none.err;
  const said mistyped = run_command({"--database", "sqlite:/nowhere/at-all.db", "runs", "list"});
  EXPECT_EQ(mistyped.code, static_cast<int>(exit_code::not_found));
  EXPECT_TRUE(mistyped.warns("there is no file /nowhere/at-all.db")) << mistyped.err;
  const said unknown = run_command({"runs", "dance"});
  EXPECT_EQ(unknown.code, usage);
  EXPECT_EQ(unknown.err, "squid-mesh: there is no command dance\n  `squid-mesh runs --help` says what there is\n");
  EXPECT_TRUE(run_command({"runs", "list", "--nope"}).warns("there is no option --nope"));
  EXPECT_TRUE(run_command({"nodes", "list", "twice"}).warns("one word too many: twice"));
  EXPECT_TRUE(run_command({"queues"}).warns("squid-mesh queues has list, pause and resume"));
  EXPECT_TRUE(
      run_command({"runs", "list", "--status", "paused,lost"}).warns("there is no \"lost\"; there are pending,"));
  EXPECT_EQ(run_command({}).code, usage);
  const said unreachable = run_command({"--database", "postgresql://127.0.0.1:1/x", "runs", "list"});
  EXPECT_EQ(unreachable.code, static_cast<int>(exit_code::unavailable)) << unreachable.err;
}

TEST(usage, help_and_version_are_results) {
  const said help = run_command({"runs", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_TRUE(help.says("explain"));
  EXPECT_TRUE(run_command({"--help"}).says("Exit codes"));
  EXPECT_EQ(run_command({"--version"}).code, 0);
  EXPECT_FALSE(run_command({"--version"}).out.empty());
}

TEST(usage, definitions_are_checked_without_a_database) {
  const said good = run_command({"definitions", "check", "-"},
                                R"({"name": "t", "triggers": [{"name": "m"}], "steps": [{"name": "a"}],
                                    "transitions": [{"from": "a", "to": "complete"}]})");
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_EQ(good.out, "Workflow t is well declared: 1 step.\n");
  const said bad = run_command({"definitions", "check", "-"}, R"({"name": "t", "steps": [{"name": "a"}]})");
  EXPECT_EQ(bad.code, static_cast<int>(exit_code::usage));
  EXPECT_TRUE(bad.warns("triggers")) << bad.err;
  const said broken = run_command({"definitions", "check", "-"}, "{");
  EXPECT_TRUE(broken.warns("is not JSON")) << broken.err;
}

}  // namespace
}  // namespace squid_mesh::testing
