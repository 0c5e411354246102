// What is special about PostgreSQL: several write at once, and others are told.
#include "storage/backends.h"
#include "storage/store_contract.h"
#include "support/ear.h"

#include <future>

namespace squid_mesh::testing {
namespace {

class postgres_store : public ::testing::Test {
 protected:
  commit_outcome write(const commit& what) {
    return must(store_->write({.now = t0 + 10s, .commits = {&what}})).commits.at(0);
  }
  /// Waits until the store waits for a lock, or doesn't have to.
  void await_lock(const std::future<commit_outcome>& writing) {
    const auto waits = [&] {
      return others_.query(
                 "SELECT count(*) FROM pg_stat_activity, pg_locks WHERE pg_locks.pid = pg_stat_activity.pid"
                 " AND NOT granted AND query LIKE '%" +
                 database_.schema() + "%'") != "0";
    };
    while (writing.wait_for(0s) != std::future_status::ready && !waits()) std::this_thread::yield();
  }

  postgres_database database_;
  std::unique_ptr<storage::store> store_ = database_.open();
  postgres_connection others_{postgres_url(shared_cluster(), "options=-csearch_path%3D" + database_.schema())};
};

TEST_F(postgres_store, waking_sees_what_becomes_of_a_job_that_somebody_is_changing) {
  struct race {
    const char* meanwhile;
    state expected;
    bool is_replaced;
  };
  std::uint8_t run = 0;
  for (const race& each :
       {race{"UPDATE oban_jobs SET state = 'scheduled', scheduled_at = '2100-01-01'", state::available, false},
        race{"UPDATE oban_jobs SET state = 'completed'", state::completed, true},
        race{"UPDATE oban_jobs SET state = 'retryable'", state::available, false}}) {
    ++run;
    const job_id job = write(start_of(run)).inserted.at(0);
    const std::string where = " WHERE id = " + to_string(job);
    database_.execute("UPDATE oban_jobs SET state = 'executing'" + where);
    database_.execute("BEGIN");
    database_.execute(each.meanwhile + where);
    commit wake = facts_of(run, {completed(1)});
    wake.wakes = {run_job({.run = id_of(run)}, "q")};
    auto waiting = std::async(std::launch::async, [&] { return write(wake); });
    await_lock(waiting);
    database_.execute("COMMIT");
    EXPECT_TRUE(waiting.get().applied);
    EXPECT_EQ(store_->read_job(job).value().state, each.expected) << each.meanwhile;
    EXPECT_EQ(store_->read_run(id_of(run)).value().run.job != job, each.is_replaced) << each.meanwhile;
  }
}

TEST_F(postgres_store, what_is_woken_is_told) {
  write(start_of(1));
  database_.execute("UPDATE oban_jobs SET state = 'scheduled', queue = 'elsewhere'");
  ear elixir(postgres_url(shared_cluster()), database_.schema() + ".oban_insert");
  commit wake = facts_of(1, {completed(1)});
  wake.wakes = {run_job({.run = id_of(1)}, "q")};
  write(wake);
  EXPECT_EQ(elixir.heard(), (json{{{"queue", "elsewhere"}}}));
  database_.execute("DELETE FROM oban_jobs");
  wake = facts_of(1, {completed(2)});
  wake.wakes = {run_job({.run = id_of(1)}, "q")};
  write(wake);
  EXPECT_EQ(elixir.heard(), (json{{{"queue", "q"}}}));
}

}  // namespace
}  // namespace squid_mesh::testing
