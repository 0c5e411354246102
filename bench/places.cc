#include "places.h"

#include "postgres_session.h"

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <iostream>
#include <string_view>
#include <utility>

namespace squid_mesh::bench {
namespace {

/// A name that no other place has.
std::string new_name() {
  static int count = 0;
  return "squid_mesh_bench_" + std::to_string(getpid()) + "_" + std::to_string(++count);
}

class sqlite_place final : public place {
 public:
  explicit sqlite_place(const std::filesystem::path& directory) : file_((directory / (new_name() + ".db")).string()) {}
  sqlite_place(const sqlite_place&) = delete;
  sqlite_place& operator=(const sqlite_place&) = delete;
  ~sqlite_place() override {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file_ + suffix, ignored);
  }

  [[nodiscard]] std::string url() const override { return "sqlite:" + file_; }
  [[nodiscard]] raw_limits measure_raw(const raw_amounts& amounts) const override {
    return measure_raw_sqlite(file_, amounts);
  }

 private:
  const std::string file_;
};

constexpr std::size_t copies_at_once = 20'000;

// The n-th copy is n seconds older than the run. Its id says when it began, as the engine's own do.
constexpr const char* copy_sql = R"sql(
WITH run AS (SELECT * FROM squid_mesh_runs WHERE id = '{run}'),
copy AS MATERIALIZED (
  SELECT n, make_interval(secs => n) AS age,
         (lpad(to_hex((extract(epoch FROM r.started_at) * 1000)::int8 - n * 1000), 12, '0') || '7'
          || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid AS id,
         nextval(pg_get_serial_sequence('oban_jobs', 'id')) AS job_id
  FROM run AS r, generate_series({from}, {to}, -1) AS n),
jobs AS (
  INSERT INTO oban_jobs (id, state, queue, worker, args, meta, tags, errors, attempt, max_attempts, priority,
                         inserted_at, scheduled_at, attempted_at, attempted_by, completed_at)
  SELECT c.job_id, j.state, j.queue, j.worker, jsonb_set(j.args, '{run_id}', to_jsonb(c.id::text)), j.meta, j.tags,
         j.errors, j.attempt, j.max_attempts, j.priority, j.inserted_at - c.age, j.scheduled_at - c.age,
         j.attempted_at - c.age, j.attempted_by, j.completed_at - c.age
  FROM copy AS c, run AS r JOIN oban_jobs AS j ON j.id = r.job_id),
runs AS (
  INSERT INTO squid_mesh_runs (id, workflow, definition, trigger_name, payload, started_at, job_id, status, ended_at,
                               queue, priority, origin)
  SELECT c.id, r.workflow, r.definition, r.trigger_name, r.payload, r.started_at - c.age, c.job_id, r.status,
         r.ended_at - c.age, r.queue, r.priority, r.origin
  FROM copy AS c, run AS r)
INSERT INTO squid_mesh_events (run_id, seq, kind, step, at, started_at, node, data)
SELECT c.id, e.seq, e.kind, e.step, e.at - c.age, e.started_at - c.age, e.node, e.data
FROM copy AS c, squid_mesh_events AS e WHERE e.run_id = '{run}' ORDER BY c.id, e.seq)sql";

}  // namespace

std::unique_ptr<place> new_sqlite_place(const std::filesystem::path& directory) {
  return std::make_unique<sqlite_place>(directory);
}

postgres_place::postgres_place(std::string server) : server_(std::move(server)), schema_(new_name()) {}

postgres_place::~postgres_place() {
  try {
    postgres_session(server_).execute("DROP SCHEMA IF EXISTS " + schema_ + " CASCADE");
  } catch (const std::exception& e) {
    std::cerr << "the schema " << schema_ << " can't be dropped: " << e.what() << '\n';
  }
}

std::string postgres_place::url() const {
  return server_ + (server_.find('?') == std::string::npos ? '?' : '&') + "schema=" + schema_;
}

raw_limits postgres_place::measure_raw(const raw_amounts& amounts) const {
  return measure_raw_postgres(server_, schema_, amounts);
}

void postgres_place::make_past(const run_id& run, std::size_t copies) const {
  postgres_session db(server_);
  db.execute("SET search_path TO " + schema_);
  // The oldest first, as it would have been.
  for (std::size_t left = copies; left > 0;) {
    const std::size_t some = std::min(left, copies_at_once);
    std::string sql = copy_sql;
    for (const auto& [what, by] : {std::pair("{run}", to_string(run)), std::pair("{from}", std::to_string(left)),
                                   std::pair("{to}", std::to_string(left - some + 1))}) {
      for (std::size_t at = sql.find(what); at != std::string::npos; at = sql.find(what, at)) {
        sql.replace(at, std::string_view(what).size(), by);
      }
    }
    db.execute(sql);
    left -= some;
  }
  db.execute("ANALYZE");
}

}  // namespace squid_mesh::bench
