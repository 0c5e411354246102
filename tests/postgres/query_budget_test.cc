// How much a node asks of the server.
#include "postgres/mesh_world.h"
#include "storage/open.h"
#include "storage/postgres_database.h"
#include "support/postgres_connection.h"
#include "support/postgres_proxy.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace squid_mesh::testing {
namespace {

TEST(query_budget, an_idle_node_sends_two_statements_a_second) {
  const postgres_server server({.durable = false});
  server.execute("CREATE EXTENSION pg_stat_statements; CREATE ROLE worker LOGIN SUPERUSER");
  std::string url = server.url();
  url.replace(url.find("postgres@"), std::string_view("postgres@").size(), "worker@");
  log_book log;
  mesh idle = open_mesh(url, "idle", log);
  ASSERT_TRUE(idle.add(chain, chain_handlers(quick())));
  ASSERT_TRUE(idle.start());
  // A run has passed, and it has been found out whether notifications arrive.
  ASSERT_TRUE(idle.await_run(idle.start_run(chain)->id, 30s));
  ASSERT_TRUE(eventually([&] { return log.has("noticed at once"); })) << log.text();

  postgres_connection counting(server.url());
  const auto calls = [&] {
    return std::stoi(
        counting.query("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements"
                       " WHERE userid = 'worker'::regrole"));
  };
  const auto from = std::chrono::steady_clock::now();
  const int before = calls();
  std::this_thread::sleep_for(5s);  // The time is what is measured.
  const int sent = calls() - before;
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - from;
  // At whatever moment it begins, each duty may fall into it once more than its interval says.
  EXPECT_LE(sent, 2 * passed.count() + 2) << counting.query(
      "SELECT calls || ' ' || left(query, 100) || E'\n' FROM pg_stat_statements"
      " WHERE userid = 'worker'::regrole");
  EXPECT_GE(sent, 3) << "an idle node looks for work and says that it lives";
}

/// Whatever the planner knows of the table: that was when all its jobs had ended.
TEST(query_budget, a_claim_reads_what_it_takes_and_not_the_backlog) {
  const postgres_server server({.durable = false});
  auto opened = storage::open(server.url());
  ASSERT_TRUE(opened) << to_string(opened.error());
  server.execute(
      "INSERT INTO oban_jobs (state, queue, worker, completed_at)"
      " SELECT 'completed', 'q', 'w', now() FROM generate_series(1, 60000)");
  server.execute("VACUUM ANALYZE oban_jobs");
  server.execute("INSERT INTO oban_jobs (queue, worker) SELECT 'q', 'w' FROM generate_series(1, 3000)");
  const auto claimed =
      (*opened)->write({.now = std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now()),
                        .claims = {{"q", 5}},
                        .attempted_by = R"(["n", "11111111-1111-7111-8111-111111111111"])"});
  ASSERT_TRUE(claimed) << to_string(claimed.error());
  ASSERT_EQ(claimed->claimed.size(), 5U);
  // What a session has counted is seen when it has ended.
  opened->reset();
  postgres_connection counting(server.url());
  const auto read = [&] {
    return std::stoi(
        counting.query("SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE relname = 'oban_jobs'"));
  };
  ASSERT_TRUE(eventually([&] { return read() > 0; }));
  EXPECT_LT(read(), 100);
}

class round_trips : public ::testing::Test {
 protected:
  /// How many the worker needs for a run of five steps that `starter` starts. The best of some, as duties come between.
  int for_one_run(mesh& starter) {
    int best = 1000;
    for (int i = 0; i < 5; ++i) {
      const int before = proxy_.round_trips();
      const auto started = starter.start_run(chain);
      EXPECT_TRUE(started);
      // Another mesh waits, on a connection of its own.
      EXPECT_TRUE(observer_.await_run(started->id, 30s)) << log_.text();
      best = std::min(best, proxy_.round_trips() - before);
    }
    return best;
  }

  postgres_database database_;
  log_book log_;
  postgres_proxy proxy_;
  mesh worker_ = open_mesh(proxy_.url("schema=" + database_.schema()), "worker", log_);
  mesh observer_ = open_mesh(database_.url(), "observer", log_);
};

TEST_F(round_trips, of_a_run_of_five_steps_are_eight_at_most) {
  for (mesh* each : {&worker_, &observer_}) ASSERT_TRUE(each->add(chain, chain_handlers(quick())));
  ASSERT_TRUE(worker_.start({.queues = {{"squid_mesh", 1}}, .lease = 60s, .poll = 60s}));
  ASSERT_TRUE(eventually([&] { return log_.has("noticed at once"); })) << log_.text();
  // Started by the process that works on it: its own start included.
  EXPECT_LE(for_one_run(worker_), 8);
  // Started by another one: it has to be found first.
  EXPECT_LE(for_one_run(observer_), 8);
}

}  // namespace
}  // namespace squid_mesh::testing
