// Several nodes on one database: they share the work, take over from the dead, and never from the living.
#include "postgres/mesh_world.h"
#include "storage/postgres_database.h"
#include "support/child_process.h"
#include "support/pgbouncer.h"
#include "support/temporary_directory.h"

#include <gtest/gtest.h>

#include <csignal>
#include <set>

namespace squid_mesh::testing {
namespace {

constexpr milliseconds far_away = 60s;

class many_nodes : public ::testing::Test {
 protected:
  /// Another process, which holds the jobs that it gets (see worker_node.cc).
  child_process node(const std::string& name, milliseconds lease) {
    return child_process({WORKER_NODE, database_.url(), name, std::to_string(lease.count()), files_.path().string()},
                         files_ / (name + ".log"));
  }
  /// Whether it has begun so many steps.
  [[nodiscard]] bool has_begun(const std::string& name, int steps = 1) const {
    const std::string text = read_text(files_ / "begun");
    int found = 0;
    for (std::size_t at = text.find(name + ' '); at != std::string::npos; at = text.find(name + ' ', at + 1)) ++found;
    return found >= steps;
  }
  void let_go(const std::string& name) const { std::ofstream(files_ / (name + ".open")) << "open"; }

  static std::vector<run_id> start(mesh& where, std::string_view workflow, std::size_t how_many) {
    std::vector<run_id> ids;
    const auto started = where.start_runs(workflow, std::vector<json>(how_many, json::object()));
    EXPECT_TRUE(started);
    for (const run_ref& run : *started) ids.push_back(run.id);
    return ids;
  }

  postgres_database database_;
  log_book log_;
  temporary_directory files_;
};

TEST_F(many_nodes, share_the_work_and_do_none_of_it_twice) {
  crowd members;
  mesh one = open_mesh(database_.url(), "one", log_);
  mesh two = open_mesh(database_.url(), "two", log_);
  for (mesh* each : {&one, &two}) ASSERT_TRUE(each->add(single, {{"work", members.member()}}));
  const auto runs = start(one, "test.single", 8);
  for (mesh* each : {&one, &two}) ASSERT_TRUE(each->start({.queues = {{"squid_mesh", 4}}}));
  // Only both together have room for all.
  EXPECT_TRUE(eventually([&] { return members.inside() == 8; })) << log_.text();
  members.open();
  std::multiset<std::string> nodes;
  for (const run_id& id : runs) {
    ASSERT_TRUE(one.await_run(id, 30s));
    expect_completed_once(one, id, 1);
    nodes.insert(one.inspect_run(id, {.include_history = true})->attempts.at(0).node);
  }
  EXPECT_EQ(members.came(), 8);
  EXPECT_EQ(nodes.count("one"), 4U);
  EXPECT_EQ(nodes.count("two"), 4U);
}

TEST_F(many_nodes, keep_a_limit_together) {
  crowd members;
  mesh one = open_mesh(database_.url(), "one", log_);
  mesh two = open_mesh(database_.url(), "two", log_);
  for (mesh* each : {&one, &two}) ASSERT_TRUE(each->add(single, {{"work", members.member()}}));
  const auto runs = start(one, "test.single", 12);
  for (mesh* each : {&one, &two}) ASSERT_TRUE(each->start({.queues = {{"squid_mesh", 4, 3}}, .poll = 50ms}));
  EXPECT_TRUE(eventually([&] { return members.inside() == 3; })) << log_.text();
  members.open();
  for (const run_id& id : runs) ASSERT_TRUE(one.await_run(id, 30s)) << log_.text();
  EXPECT_EQ(members.came(), 12);
  EXPECT_LE(members.most(), 3);
}

TEST_F(many_nodes, take_over_from_a_killed_one_and_free_its_share_of_a_limit) {
  mesh survivor = open_mesh(database_.url(), "survivor", log_);
  ASSERT_TRUE(survivor.add(single, {{"work", quick()}}));
  const auto runs = start(survivor, "test.single", 3);
  child_process doomed = node("doomed", 1500ms);
  ASSERT_TRUE(eventually([&] { return has_begun("doomed", 2); })) << read_text(files_ / "doomed.log");
  ASSERT_TRUE(survivor.start({.queues = {{"squid_mesh", 2, 2}}, .lease = 1500ms, .poll = 50ms}));
  EXPECT_FALSE(survivor.await_run(runs[2], 300ms)) << "the doomed node has the queue's whole limit";
  doomed.kill();
  const auto killed_at = std::chrono::steady_clock::now();
  for (const run_id& id : runs) {
    ASSERT_TRUE(survivor.await_run(id, 30s)) << log_.text();
    expect_completed_once(survivor, id, 1);
  }
  // The lease, and some heartbeats; the rest is for a slow machine.
  EXPECT_LT(std::chrono::steady_clock::now() - killed_at, 10s);
  const auto rescued = survivor.inspect_run(runs[0], {.include_history = true});
  ASSERT_EQ(rescued->attempts.size(), 2U);
  EXPECT_EQ(rescued->attempts[0].status, attempt_status::lost);
  EXPECT_EQ(rescued->attempts[0].node, "doomed");
  EXPECT_EQ(rescued->attempts[1].node, "survivor");
  EXPECT_TRUE(log_.has("rescued from the dead node")) << log_.text();
}

TEST_F(many_nodes, leave_the_living_alone) {
  mesh other = open_mesh(database_.url(), "other", log_);
  ASSERT_TRUE(other.add(single, {{"work", quick()}}));
  const auto runs = start(other, "test.single", 1);
  const child_process living = node("living", 2s);
  ASSERT_TRUE(eventually([&] { return has_begun("living"); })) << read_text(files_ / "living.log");
  ASSERT_TRUE(other.start({.lease = 2s, .poll = 50ms}));
  // Longer than the lease: its heartbeats are what keeps it alive.
  EXPECT_FALSE(other.await_run(runs[0], 3s)) << log_.text();
  let_go("living");
  const auto run = other.await_run(runs[0], 30s);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->context.at("out").at("by"), "living");
  expect_completed_once(other, runs[0], 1);
}

TEST_F(many_nodes, ignore_what_one_says_that_was_stopped_beyond_its_lease) {
  mesh other = open_mesh(database_.url(), "other", log_);
  ASSERT_TRUE(other.add(single, {{"work", make_handler([] { return json{{"by", "other"}}; })}}));
  const auto runs = start(other, "test.single", 1);
  const child_process sleeper = node("sleeper", 800ms);
  ASSERT_TRUE(eventually([&] { return has_begun("sleeper"); })) << read_text(files_ / "sleeper.log");
  ASSERT_EQ(::kill(sleeper.pid(), SIGSTOP), 0);
  ASSERT_TRUE(other.start({.lease = 800ms, .poll = 50ms}));
  ASSERT_TRUE(other.await_run(runs[0], 30s)) << log_.text();
  const std::string before = to_json(*other.inspect_run(runs[0], {.include_history = true})).dump();
  let_go("sleeper");
  ASSERT_EQ(::kill(sleeper.pid(), SIGCONT), 0);
  EXPECT_TRUE(eventually([&] { return read_text(files_ / "sleeper.log").find("taken it over") != std::string::npos; }))
      << read_text(files_ / "sleeper.log");
  EXPECT_EQ(to_json(*other.inspect_run(runs[0], {.include_history = true})).dump(), before);
  expect_completed_once(other, runs[0], 1);
  // It is a node like any other again.
  other.stop();
  const auto more = start(other, "test.single", 1);
  ASSERT_TRUE(other.await_run(more[0], 30s));
  EXPECT_EQ(other.inspect_run(more[0])->context.at("out").at("by"), "sleeper");
}

TEST_F(many_nodes, hear_of_the_work_of_others_at_once) {
  mesh worker = open_mesh(database_.url(), "worker", log_);
  ASSERT_TRUE(worker.add(chain, chain_handlers(quick())));
  ASSERT_TRUE(worker.start({.poll = far_away}));
  ASSERT_TRUE(eventually([&] { return log_.has("noticed at once"); })) << log_.text();
  mesh client = open_mesh(database_.url(), "client", log_);
  ASSERT_TRUE(client.add(chain, chain_handlers(quick())));
  for (int i = 0; i < 5; ++i) {
    const auto started = client.start_run(chain);
    ASSERT_TRUE(started);
    ASSERT_TRUE(client.await_run(started->id, far_away / 3)) << log_.text();
    expect_completed_once(client, started->id, 5);
  }
}

class through_a_pooler : public many_nodes, public ::testing::WithParamInterface<int> {};

TEST_P(through_a_pooler, everything_works_by_polling) {
  const pgbouncer pool(shared_cluster(), {"default_pool_size=" + std::to_string(GetParam())});
  const std::string url = pool.url("schema=" + database_.schema());
  mesh worker = open_mesh(url, "worker", log_);
  mesh client = open_mesh(url, "client", log_);
  for (mesh* each : {&worker, &client}) ASSERT_TRUE(each->add(chain, chain_handlers(quick())));
  ASSERT_TRUE(worker.start({.poll = 50ms}));
  std::vector<std::jthread> callers;
  callers.reserve(3);
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      for (const run_id& id : start(client, "test.chain", 5)) {
        ASSERT_TRUE(client.await_run(id, 30s)) << log_.text();
        expect_completed_once(client, id, 5);
      }
    });
  }
  callers.clear();
  EXPECT_TRUE(eventually([&] { return log_.has("notifications don't arrive"); })) << log_.text();
  // And after it is known.
  const auto last = client.start_run(chain);
  ASSERT_TRUE(last);
  EXPECT_TRUE(client.await_run(last->id, 30s));
  EXPECT_FALSE(log_.warns()) << log_.text();
}

INSTANTIATE_TEST_SUITE_P(pools, through_a_pooler, ::testing::Values(1, 5));

}  // namespace
}  // namespace squid_mesh::testing
