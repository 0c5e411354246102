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
  /// Waits until the store waits for the other session's transaction, or doesn't have to.
  void await_lock(const std::future<commit_outcome>& writing) {
    const std::string waiting = "SELECT count(*) FROM pg_stat_activity WHERE pg_blocking_pids(pid) @> ARRAY[" +
                                database_.query("SELECT pg_backend_pid()") + "]";
    const auto waits = [&] { return others_.query(waiting) != "0"; };
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

TEST_F(postgres_store, a_place_that_is_being_taken_is_waited_for_and_nothing_is_lost_by_it) {
  struct ending {
    const char* sql;
    bool is_free;
  };
  std::uint8_t run = 0;
  for (const ending& each : {ending{"ROLLBACK", true}, ending{"COMMIT", false}}) {
    ++run;
    write(start_of(run));
    database_.execute("BEGIN");
    database_.execute(
        "INSERT INTO squid_mesh_events (run_id, seq, kind, step, at, node)"
        " SELECT id, 1, 'step_completed', 'theirs', now(), 'n' FROM squid_mesh_runs ORDER BY id DESC LIMIT 1");
    const commit ours = facts_of(run, {completed(1)});
    auto waiting = std::async(std::launch::async, [&] { return write(ours); });
    await_lock(waiting);
    database_.execute(each.sql);
    EXPECT_EQ(waiting.get().applied, each.is_free) << each.sql;
    EXPECT_EQ(store_->read_run(id_of(run)).value().facts.at(0).step, each.is_free ? "a" : "theirs");
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

// -- Retention

class postgres_retention : public postgres_store {
 protected:
  ended_run end(std::uint8_t run) {
    write(start_of(run));
    commit last = facts_of(run, {completed(1)});
    last.status = status_change{.status = run_status::failed, .ended_at = t0};
    write(last);
    database_.execute("UPDATE oban_jobs SET state = 'completed'");
    return {.id = id_of(run), .ended_at = t0};
  }
  std::string count(const std::string& table) { return others_.query("SELECT count(*) FROM " + table); }
};

TEST_F(postgres_retention, nobody_who_holds_a_run_is_waited_for) {
  const std::vector ends{end(1), end(2)};
  database_.execute("BEGIN");
  database_.execute("SELECT FROM squid_mesh_runs WHERE id = " + database_.spell(id_of(1)) + " FOR UPDATE");
  EXPECT_EQ(must(store_->delete_ended(ends)), std::vector{id_of(2)});
  database_.execute("COMMIT");
  EXPECT_EQ(must(store_->delete_ended(ends)), std::vector{id_of(1)});
}

TEST_F(postgres_retention, a_retry_that_comes_during_the_deletion_waits_for_its_end) {
  for (const bool is_deleted : {true, false}) {
    const std::uint8_t run = is_deleted ? 1 : 2;
    end(run);
    database_.execute("BEGIN");
    for (const char* part : {"runs WHERE id = ", "events WHERE run_id = "}) {
      database_.execute("DELETE FROM squid_mesh_" + std::string(part) + database_.spell(id_of(run)));
    }
    commit retry = facts_of(run, {{.seq = 2, .kind = fact_kind::retry_requested, .at = t0, .data = "{}"}});
    retry.status = status_change{.status = run_status::running};
    retry.wakes = {run_job({.run = id_of(run)}, "retried")};
    auto waiting = std::async(std::launch::async, [&] { return write(retry); });
    await_lock(waiting);
    EXPECT_NE(waiting.wait_for(0s), std::future_status::ready);
    database_.execute(is_deleted ? "COMMIT" : "ROLLBACK");
    EXPECT_EQ(waiting.get().applied, !is_deleted);
    EXPECT_EQ(count("squid_mesh_events"), is_deleted ? "0" : "2");
    EXPECT_EQ(count("oban_jobs WHERE queue = 'retried'"), is_deleted ? "0" : "1");
  }
}

TEST_F(postgres_retention, what_is_to_go_is_found_and_deleted_by_keys_alone) {
  auto filling = std::make_unique<postgres_connection>(
      postgres_url(shared_cluster(), "options=-csearch_path%3D" + database_.schema()));
  filling->execute(
      "INSERT INTO squid_mesh_runs (id, workflow, definition, trigger_name, payload, started_at, status, ended_at)"
      " SELECT gen_random_uuid(), 'w' || n % 3, 'f', 'm', '{}', now(), 'completed', now() - n * interval '1 s'"
      " FROM generate_series(1, 6000) AS n");
  filling->execute(
      "INSERT INTO squid_mesh_events (run_id, seq, kind, step, at, node)"
      " SELECT id, n, 'step_completed', 'a', now(), 'n' FROM squid_mesh_runs, generate_series(1, 3) AS n");
  const auto told = [&](const std::string& what) { return std::stoll(others_.query("SELECT " + what)); };
  // What a session has counted is told a while later, and when it ends.
  const auto end_session = [&](auto& session, const std::string& sign) {
    session.reset();
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (told(sign) == 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
    ASSERT_NE(told(sign), 0);
  };
  const std::string ours = " WHERE schemaname = '" + database_.schema() + "'";
  const std::string tables = " FROM pg_stat_user_tables" + ours;
  // Who makes and fills the tables scans them.
  end_session(filling, "n_tup_ins" + tables + " AND relname = 'squid_mesh_events'");
  end_session(store_, "n_tup_ins" + tables + " AND relname = 'squid_mesh_migrations'");
  const std::string scans = "sum(seq_scan)" + tables + " AND relname <> 'squid_mesh_migrations'";
  const std::string entries = "sum(idx_tup_read) FROM pg_stat_user_indexes" + ours;
  const auto scans_before = told(scans);
  const auto entries_before = told(entries);

  store_ = database_.open();
  EXPECT_EQ(must(store_->workflows_with_ends()), (std::vector<std::string>{"w0", "w1", "w2"}));
  storage::end_range range{.workflow = "w1", .statuses = {run_status::completed, run_status::failed}};
  range.up_to = {.id = {}, .ended_at = t0 + 24h * 365};
  range.up_to = must(store_->find_end(range, 100)).value();
  for (int batch = 0; batch < 4; ++batch) {
    const auto found = must(store_->find_ended(range, 200));
    ASSERT_EQ(found.size(), 200U);
    EXPECT_EQ(must(store_->delete_ended(found)).size(), 200U);
    range.after = found.back();
  }
  end_session(store_, "sum(n_tup_del)" + tables);
  EXPECT_EQ(told("sum(n_tup_del)" + tables), 3'200);
  EXPECT_EQ(told(scans), scans_before);
  // Each of 800 runs is found, locked and deleted, with its three facts; 100 are counted.
  EXPECT_LT(told(entries) - entries_before, 6'000);
}

}  // namespace
}  // namespace squid_mesh::testing
