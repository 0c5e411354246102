// Deleting finished runs: once, and as long as a node works.
#include "retention/retention_world.h"

#include <atomic>
#include <stdexcept>

namespace squid_mesh::testing {
namespace {

class prune : public retention_world {};

TEST_P(prune, deletes_what_is_too_old_with_all_that_is_its_own) {
  mesh m = open();
  add_all(m);
  must(m.start());
  const run_id old = run_to_end(m, single);
  const run_id wide_one = run_to_end(m, wide);
  const run_id young = run_to_end(m, single);
  m.stop();
  age(old, 48h);
  age(wide_one, 25h);
  EXPECT_EQ(must(m.prune_runs({.max_age = 24h})).pruned, 2U);
  EXPECT_EQ(m.inspect_run(old).error().code, errc::not_found);
  EXPECT_EQ(m.inspect_run(wide_one).error().code, errc::not_found);
  EXPECT_TRUE(is_there(m, young));
  EXPECT_EQ(count("squid_mesh_runs"), "1");
  EXPECT_EQ(count("squid_mesh_events"), "1");
  EXPECT_EQ(count("squid_mesh_branches"), "0");
  EXPECT_EQ(count("oban_jobs WHERE CAST(args AS TEXT) LIKE '%" + to_string(old) + "%'"), "0");
  EXPECT_EQ(count("oban_jobs WHERE CAST(args AS TEXT) LIKE '%" + to_string(young) + "%'"), "1");
  EXPECT_EQ(count("squid_mesh_definitions"), "5");
  EXPECT_EQ(must(m.prune_runs({.max_age = 24h})).pruned, 0U);
  EXPECT_EQ(must(m.prune_runs(everything)).pruned, 1U);
}

TEST_P(prune, keeps_the_newest_of_each_workflow) {
  mesh m = open();
  add_all(m);
  must(m.start());
  std::vector<run_id> singles;
  std::vector<run_id> others;
  for (int i = 0; i < 5; ++i) {
    singles.push_back(run_to_end(m, single, {{"n", i == 3 ? -1 : i}}));
    others.push_back(run_to_end(m, another));
  }
  EXPECT_EQ(must(m.prune_runs({.workflow = "test.single_step", .keep = 3})).pruned, 2U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(is_there(m, singles[i]), i >= 2) << i;
  for (const run_id& id : others) EXPECT_TRUE(is_there(m, id));
  EXPECT_EQ(must(m.prune_runs({.keep = 2})).pruned, 4U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(is_there(m, singles[i]), i >= 3) << i;
    EXPECT_EQ(is_there(m, others[i]), i >= 3) << i;
  }
  EXPECT_EQ(must(m.prune_runs({.max_age = 1h, .keep = 0})).pruned, 0U) << "both have to hold";
  age(singles[3], 2h);
  age(singles[4], 2h);
  EXPECT_EQ(must(m.prune_runs({.max_age = 1h, .keep = 1})).pruned, 1U);
  EXPECT_TRUE(is_there(m, singles[4]));
  EXPECT_EQ(must(m.prune_runs({.keep = 0})).pruned, 3U);
}

TEST_P(prune, deletes_only_what_ended_as_the_policy_says) {
  mesh m = open();
  add_all(m);
  must(m.start());
  const run_id good = run_to_end(m, single);
  const run_id bad = run_to_end(m, single, {{"n", -1}});
  const run_id cancelled = must(m.start_run(patient)).id;
  must(m.cancel_run(cancelled));
  ASSERT_TRUE(reaches(m, cancelled, run_status::cancelled));
  EXPECT_EQ(must(m.prune_runs({.statuses = {run_status::failed}, .max_age = 0ms})).pruned, 1U);
  EXPECT_FALSE(is_there(m, bad));
  EXPECT_EQ(
      must(m.prune_runs({.statuses = {run_status::cancelled, run_status::failed, run_status::cancelled}, .keep = 0}))
          .pruned,
      1U);
  EXPECT_FALSE(is_there(m, cancelled));
  EXPECT_TRUE(is_there(m, good));
}

TEST_P(prune, stops_at_its_limit_with_those_that_ended_last_left) {
  mesh m = open();
  add_all(m);
  must(m.start());
  std::vector<run_id> ids;
  for (const run_ref& each : must(m.start_runs("test.single_step", std::vector<json>(450, json::object())))) {
    ids.push_back(each.id);
  }
  ASSERT_TRUE(until([&] { return count("squid_mesh_runs WHERE ended_at IS NOT NULL") == "450"; }));
  const std::string newest =
      database_->query("SELECT CAST(max(ended_at) AS TEXT) FROM squid_mesh_runs WHERE status = 'completed'");
  EXPECT_EQ(must(m.prune_runs(everything, {.limit = 7})).pruned, 7U);
  EXPECT_EQ(must(m.prune_runs(everything, {.limit = 403, .pause = 1ms})).pruned, 403U);
  EXPECT_EQ(count("squid_mesh_runs"), "40");
  EXPECT_EQ(database_->query("SELECT CAST(max(ended_at) AS TEXT) FROM squid_mesh_runs"), newest);
  EXPECT_EQ(must(m.prune_runs(everything)).pruned, 40U);
  EXPECT_EQ(count("squid_mesh_events"), "0");
}

TEST_P(prune, never_touches_what_goes_on) {
  mesh m = open();
  add_all(m);
  const run_id pending = must(m.start_run(single)).id;
  EXPECT_EQ(must(m.prune_runs(everything)).pruned, 0U);
  must(m.start());
  const run_id waiting = must(m.start_run(patient)).id;
  const run_id paused = must(m.start_run(gated)).id;
  ASSERT_TRUE(reaches(m, paused, run_status::paused));
  ASSERT_TRUE(until([&] { return status_of(must(m.inspect_run(waiting)), "rest") == step_status::waiting; }));
  must(m.await_run(pending, 30s));
  EXPECT_EQ(must(m.prune_runs({.keep = 0})).pruned, 1U);
  EXPECT_TRUE(is_there(m, waiting));
  must(m.approve_run(paused, {.actor = "ada"}));
  must(m.approve_run(paused, {.actor = "bob"}));
  EXPECT_EQ(ended(m, paused).status, run_status::completed);
}

TEST_P(prune, refuses_policies_that_make_no_sense) {
  mesh m = open();
  add_all(m);
  for (const retention_policy& policy :
       {retention_policy{}, retention_policy{.max_age = -1ms}, retention_policy{.max_age = milliseconds::max()},
        retention_policy{.statuses = {run_status::running}, .keep = 1}, retention_policy{.workflow = "\xFF", .keep = 1},
        retention_policy{.workflow = std::string(1, '\0'), .keep = 1}}) {
    EXPECT_EQ(m.prune_runs(policy).error().code, errc::invalid_argument);
    EXPECT_EQ(m.start({.retention = {policy}}).error().code, errc::invalid_argument);
  }
  EXPECT_EQ(m.prune_runs(everything, {.limit = 0}).error().code, errc::invalid_argument);
  EXPECT_EQ(m.prune_runs(everything, {.pause = -1ms}).error().code, errc::invalid_argument);
  EXPECT_EQ(must(m.prune_runs({.workflow = "nobody's", .keep = 0})).pruned, 0U);
  must(m.start());
}

// -- Export before

TEST_P(prune, exports_each_run_before_it_goes) {
  mesh m = open();
  add_all(m);
  must(m.start());
  const run_id id = run_to_end(m, single, {{"n", 7}});
  json before = must(m.export_run(id));
  std::vector<json> documents;
  const export_sink keep = [&](const json& document) -> result<void> {
    EXPECT_TRUE(is_there(m, id));
    documents.push_back(document);
    return {};
  };
  EXPECT_EQ(must(m.prune_runs(everything, {.export_to = keep})).pruned, 1U);
  EXPECT_FALSE(is_there(m, id));
  ASSERT_EQ(documents.size(), 1U);
  before.erase("exported_at");
  documents[0].erase("exported_at");
  EXPECT_EQ(documents[0], before);
}

TEST_P(prune, a_run_that_cannot_be_exported_stays_and_does_not_stand_in_the_way) {
  mesh m = open();
  add_all(m);
  must(m.start());
  std::vector<run_id> ids;
  for (int n = 0; n < 4; ++n) ids.push_back(run_to_end(m, single, {{"n", n}}));
  const export_sink moody = [](const json& document) -> result<void> {
    const int n = document.at("run").at("payload").at("n");
    if (n == 0) return std::unexpected(permanent("the disk is full"));
    if (n == 1) throw std::runtime_error("boom");
    if (n == 2) throw 42;
    return {};
  };
  const prune_report report = must(m.prune_runs(everything, {.export_to = moody}));
  EXPECT_EQ(report.pruned, 1U);
  ASSERT_EQ(report.failed.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(report.failed[i].run, ids[i]);
  EXPECT_EQ(report.failed[0].reason.message, "the disk is full");
  EXPECT_NE(report.failed[1].reason.message.find("boom"), std::string::npos);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(is_there(m, ids[i]), i < 3);
  const run_id next = run_to_end(m, single, {{"n", 5}});
  EXPECT_EQ(must(m.prune_runs(everything, {.limit = 1, .export_to = moody})).pruned, 1U) << "those before it are many";
  EXPECT_FALSE(is_there(m, next));
}

TEST_P(prune, gives_up_where_nothing_can_be_exported) {
  mesh m = open();
  add_all(m);
  must(m.start());
  must(m.start_runs("test.single_step", std::vector<json>(520, json::object())));
  ASSERT_TRUE(until([&] { return count("squid_mesh_runs WHERE ended_at IS NOT NULL") == "520"; }));
  const export_sink closed = [](const json&) -> result<void> { return std::unexpected(permanent("closed")); };
  const prune_report report = must(m.prune_runs(everything, {.export_to = closed}));
  EXPECT_EQ(report.failed.size(), 500U);
  EXPECT_EQ(count("squid_mesh_runs"), "520");
}

TEST_P(prune, a_run_that_goes_on_while_it_is_exported_stays_even_if_it_ends_again) {
  mesh m = open();
  add_all(m);
  must(m.start());
  const run_id id = run_to_end(m, single, {{"n", -1}});
  const auto attempts = [&] { return must(m.inspect_run(id, {.include_history = true})).attempts.size(); };
  const export_sink slow = [&](const json& document) -> result<void> {
    EXPECT_EQ(document.at("facts").size(), attempts() * 2 - 1);
    must(m.retry_run(id, {{.actor = "ada"}, {}}));
    EXPECT_TRUE(reaches(m, id, run_status::failed));
    return {};
  };
  EXPECT_EQ(must(m.prune_runs(everything, {.export_to = slow})).pruned, 0U) << "the document lacks what came after";
  EXPECT_EQ(attempts(), 2U);
  EXPECT_EQ(must(m.prune_runs(everything)).pruned, 1U);
}

// -- Races

TEST_P(prune, against_a_retry_has_one_winner) {
  mesh m = open();
  mesh operators = open("operators");
  add_all(m);
  must(m.start());
  std::vector<run_id> ids;
  for (int i = 0; i < 25; ++i) ids.push_back(run_to_end(m, single, {{"n", -1}}));
  m.stop();
  std::size_t retries = 0;
  std::size_t deletions = 0;
  {
    std::atomic<int> ready = 0;
    const auto together = [&ready] {
      ++ready;
      while (ready < 2) std::this_thread::yield();
    };
    const std::jthread person([&] {
      together();
      for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
        const auto retried = operators.retry_run(*id);
        if (retried) ++retries;
        EXPECT_EQ(retried ? errc::not_found : retried.error().code, errc::not_found);
      }
    });
    const std::jthread pruner([&] {
      together();
      for (int i = 0; i < 30; ++i) deletions += must(m.prune_runs(everything, {.limit = 1})).pruned;
    });
  }
  EXPECT_EQ(retries + deletions, 25U);
  EXPECT_EQ(count("squid_mesh_runs"), std::to_string(retries));
  EXPECT_EQ(count("squid_mesh_events"), std::to_string(2 * retries)) << "no fact without its run";
  EXPECT_EQ(count("oban_jobs WHERE state = 'available'"), std::to_string(retries)) << "no job without its run";
}

// -- As long as a node works

TEST_P(prune, goes_on_while_nodes_work) {
  mesh first = open("first");
  mesh second = open("second");
  std::atomic<int> exported = 0;
  for (mesh* m : {&first, &second}) add_all(*m);
  must(first.start());
  must(first.start_runs("test.single_step", std::vector<json>(300, json::object())));
  const run_id paused = must(first.start_run(gated)).id;
  ASSERT_TRUE(until([&] { return count("squid_mesh_runs WHERE ended_at IS NOT NULL") == "300"; }));
  first.stop();
  const work_options pruning{.retention = {{.workflow = "test.another", .keep = 1}, {.max_age = 0ms, .keep = 10}},
                             .export_pruned = [&](const json&) -> result<void> {
                               ++exported;
                               return {};
                             }};
  must(first.start(pruning));
  must(second.start(pruning));
  ASSERT_TRUE(until([&] { return count("squid_mesh_runs WHERE ended_at IS NOT NULL") == "10"; }));
  EXPECT_GE(exported, 290);
  EXPECT_TRUE(is_there(first, paused));
  EXPECT_EQ(first.start(pruning).error().code, errc::conflict);
  EXPECT_EQ(ended(second, must(second.start_run(single)).id).status, run_status::completed);
}

TEST_P(prune, of_a_node_leaves_what_its_sink_refuses_and_stops_with_it) {
  trace log;
  mesh m = must(mesh::open(
      {.database = database_->url(), .log = [&](level, std::string_view line) { log.add(std::string(line)); }}));
  add_all(m);
  must(m.start());
  for (int i = 0; i < 15; ++i) run_to_end(m, single);
  m.stop();
  doorstep door;
  must(m.start({.retention = {everything}, .export_pruned = [&](const json&) -> result<void> {
                  door.pass();
                  throw std::runtime_error("no room");
                }}));
  ASSERT_TRUE(door.wait_for(1));
  EXPECT_EQ(ended(m, must(m.start_run(single)).id).status, run_status::completed) << "a slow sink doesn't hold up work";
  door.open();
  const auto complaints = [&] {
    const auto lines = log.lines();
    return std::ranges::count_if(lines, [](const std::string& line) { return line.contains("no room"); });
  };
  ASSERT_TRUE(until([&] { return complaints() >= 10; }));
  m.stop();
  EXPECT_EQ(count("squid_mesh_runs"), "16");
  EXPECT_EQ(complaints(), 10) << "the others are only counted";
}

INSTANTIATE_TEST_SUITE_P(databases, prune, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
