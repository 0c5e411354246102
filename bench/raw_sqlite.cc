#include "raw_sqlite.h"

#include <sqlite3.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

namespace squid_mesh::bench {
namespace {

using steady = std::chrono::steady_clock;

double seconds_since(steady::time_point start) { return std::chrono::duration<double>(steady::now() - start).count(); }

class database {
 public:
  explicit database(const std::string& path) {
    sqlite3* raw = nullptr;
    check(sqlite3_open(path.c_str(), &raw));
    handle_.reset(raw);
    execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000");
  }
  void execute(const char* sql) { check(sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr)); }
  void check(int code) const {
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
    std::cerr << "raw SQLite: " << (handle_ ? sqlite3_errmsg(handle_.get()) : "can't open") << '\n';
    std::_Exit(1);
  }
  [[nodiscard]] sqlite3* get() const { return handle_.get(); }

 private:
  struct closer {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, closer> handle_;
};

class prepared {
 public:
  prepared(database& db, const char* sql) : db_(db) {
    sqlite3_stmt* raw = nullptr;
    db.check(sqlite3_prepare_v2(db.get(), sql, -1, &raw, nullptr));
    handle_.reset(raw);
  }
  prepared& bind(int at, std::int64_t value) {
    db_.check(sqlite3_bind_int64(handle_.get(), at, value));
    return *this;
  }
  prepared& bind_id(int at, const std::array<std::uint8_t, 16>& id) {
    db_.check(sqlite3_bind_blob(handle_.get(), at, id.data(), static_cast<int>(id.size()), SQLITE_STATIC));
    return *this;
  }
  void run() {
    db_.check(sqlite3_step(handle_.get()));
    db_.check(sqlite3_reset(handle_.get()));
  }

 private:
  struct finalizer {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  database& db_;
  std::unique_ptr<sqlite3_stmt, finalizer> handle_;
};

double measure_commits(database& db, std::size_t count) {
  db.execute("CREATE TABLE raw_rows (id INTEGER PRIMARY KEY, value TEXT)");
  prepared insert(db, "INSERT INTO raw_rows (value) VALUES ('a single small row')");
  const auto start = steady::now();
  for (std::size_t i = 0; i < count; ++i) insert.run();
  return static_cast<double>(count) / seconds_since(start);
}

/// The ten row writes of a 5-step run: its row, its job, the job's fetch, five facts, the ends of both.
class run_writer {
 public:
  explicit run_writer(database& db) : db_(db) {}

  void start(std::size_t i) {
    insert_job_.run();
    insert_run_.bind_id(1, id(i)).bind(2, sqlite3_last_insert_rowid(db_.get())).run();
  }
  void fetch(std::size_t i) { fetch_.bind(1, job(i)).run(); }
  void step(std::size_t i, int seq) { fact_.bind_id(1, id(i)).bind(2, seq).run(); }
  void end(std::size_t i) {
    end_job_.bind(1, job(i)).run();
    end_run_.bind_id(1, id(i)).run();
  }

 private:
  static std::int64_t job(std::size_t i) { return static_cast<std::int64_t>(i) + 1; }
  const std::array<std::uint8_t, 16>& id(std::size_t i) {
    for (std::size_t byte = 0; byte < 8; ++byte) id_[byte] = static_cast<std::uint8_t>(i >> (56 - 8 * byte));
    return id_;
  }

  database& db_;
  std::array<std::uint8_t, 16> id_{};
  prepared insert_job_{db_, R"sql(INSERT INTO oban_jobs (state, queue, worker, args, inserted_at, scheduled_at)
    VALUES ('available', 'squid_mesh', 'squid_mesh.run', '{"run_id":"0190163d-8694-739b-aea5-966c26f8ad91"}',
            '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z'))sql"};
  prepared insert_run_{db_, R"sql(INSERT INTO squid_mesh_runs
    (id, workflow, definition, trigger_name, payload, started_at, job_id, status)
    VALUES (?1, 'bench.w5', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'manual', '{"n":1}',
            1767225600000000, ?2, 'pending'))sql"};
  prepared fetch_{db_, R"sql(UPDATE oban_jobs SET state = 'executing', attempt = attempt + 1,
    attempted_at = '2026-01-01T00:00:00.000000Z',
    attempted_by = '["host:12345","0190163d-8694-739b-aea5-966c26f8ad91"]' WHERE id = ?1)sql"};
  prepared fact_{db_, R"sql(INSERT INTO squid_mesh_events (run_id, seq, kind, step, at, started_at, node, data)
    VALUES (?1, ?2, 'step_completed', 'step_3', 1767225600000000, 1767225600000000, 'host:12345',
            '{"text":"about one hundred bytes of output, as a step of a workflow might well return them to us."}'))sql"};
  prepared end_job_{db_, R"sql(UPDATE oban_jobs SET state = 'completed', completed_at = '2026-01-01T00:00:00.000000Z'
    WHERE id = ?1)sql"};
  prepared end_run_{db_, R"sql(UPDATE squid_mesh_runs SET status = 'completed', ended_at = 1767225600000000
    WHERE id = ?1)sql"};
};

double measure_steps(database& db, std::size_t runs) {
  constexpr std::size_t batch = 100;
  constexpr int steps = 5;
  run_writer writer(db);
  const auto in_batches = [&](auto&& work) {
    for (std::size_t from = 0; from < runs; from += batch) {
      db.execute("BEGIN IMMEDIATE");
      for (std::size_t i = from; i < from + batch && i < runs; ++i) work(i);
      db.execute("COMMIT");
    }
  };
  const auto start = steady::now();
  // A hundred runs go along together, as a hundred workers would have them: each step of them is one transaction.
  in_batches([&](std::size_t i) { writer.start(i); });
  for (std::size_t from = 0; from < runs; from += batch) {
    for (int seq = 1; seq <= steps; ++seq) {
      db.execute("BEGIN IMMEDIATE");
      for (std::size_t i = from; i < from + batch && i < runs; ++i) {
        if (seq == 1) writer.fetch(i);
        writer.step(i, seq);
        if (seq == steps) writer.end(i);
      }
      db.execute("COMMIT");
    }
  }
  return static_cast<double>(runs * steps) / seconds_since(start);
}

}  // namespace

raw_limits measure_raw_sqlite(const std::string& path, std::size_t commits, std::size_t runs) {
  database db(path);
  return {.commits_per_s = measure_commits(db, commits), .steps_per_s = measure_steps(db, runs)};
}

}  // namespace squid_mesh::bench
