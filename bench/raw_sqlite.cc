#include "raw_limits.h"

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace squid_mesh::bench {
namespace {

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
    throw std::runtime_error(std::string("raw SQLite: ") + (handle_ ? sqlite3_errmsg(handle_.get()) : "can't open"));
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
    db_.check(sqlite3_bind_blob(handle_.get(), at, id.data(), static_cast<int>(id.size()), SQLITE_TRANSIENT));
    return *this;
  }
  prepared& bind_text(int at, const std::string& text) {
    db_.check(sqlite3_bind_text(handle_.get(), at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC));
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

/// `measure_raw_steps` says what it writes.
class run_writer {
 public:
  explicit run_writer(database& db) : db_(db) {}

  void start(run_range range) {
    in_transaction([&] {
      for (std::size_t i = range.begin; i < range.end; ++i) {
        insert_job_.run();
        insert_run_.bind_id(1, raw_run_id(i)).bind(2, sqlite3_last_insert_rowid(db_.get())).run();
      }
    });
  }
  void step(run_range range, std::size_t seq) {
    in_transaction([&] {
      for (std::size_t i = range.begin; i < range.end; ++i) {
        if (seq == 1) fetch_.bind(1, raw_job_id(i)).run();
        fact_.bind_id(1, raw_run_id(i)).bind(2, static_cast<std::int64_t>(seq)).bind_text(3, output_).run();
        if (seq == steps_per_run) end(i);
      }
    });
  }

 private:
  void end(std::size_t i) {
    end_job_.bind(1, raw_job_id(i)).run();
    end_run_.bind_id(1, raw_run_id(i)).run();
  }
  template <class Work>
  void in_transaction(Work&& work) {
    db_.execute("BEGIN IMMEDIATE");
    work();
    db_.execute("COMMIT");
  }

  database& db_;
  const std::string output_ = step_output();
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
    VALUES (?1, ?2, 'step_completed', 'step_3', 1767225600000000, 1767225600000000, 'host:12345', ?3))sql"};
  prepared end_job_{db_, R"sql(UPDATE oban_jobs SET state = 'completed', completed_at = '2026-01-01T00:00:00.000000Z'
    WHERE id = ?1)sql"};
  prepared end_run_{db_, R"sql(UPDATE squid_mesh_runs SET status = 'completed', ended_at = 1767225600000000
    WHERE id = ?1)sql"};
};

}  // namespace

raw_limits measure_raw_sqlite(const std::string& path, const raw_amounts& amounts) {
  database db(path);
  db.execute("CREATE TABLE raw_rows (id INTEGER PRIMARY KEY, value TEXT)");
  prepared insert(db, "INSERT INTO raw_rows (value) VALUES ('a single small row')");
  return {.commits_per_s = measure_raw_commits(amounts.commits, [&] { insert.run(); }),
          .steps_per_s = measure_raw_steps(amounts.runs, run_writer(db))};
}

}  // namespace squid_mesh::bench
