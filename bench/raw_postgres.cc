#include "postgres_session.h"
#include "raw_limits.h"

#include <string>
#include <vector>

namespace squid_mesh::bench {
namespace {

using element = binary_array::element;

/// Microseconds since 2000, as PostgreSQL counts them: the beginning of 2026.
constexpr std::int64_t some_time = 820'540'800'000'000;

// Each statement is a transaction of its own.

constexpr const char* start_sql = R"sql(
WITH r AS (SELECT * FROM unnest($1::uuid[], $2::int8[]) AS r (run_id, job_id)),
jobs AS (
  INSERT INTO oban_jobs (id, state, queue, worker, args, inserted_at, scheduled_at)
  SELECT job_id, 'available', 'squid_mesh', 'squid_mesh.run', jsonb_build_object('run_id', run_id), '2026-01-01',
         '2026-01-01' FROM r)
INSERT INTO squid_mesh_runs (id, workflow, definition, trigger_name, payload, started_at, job_id, status)
SELECT run_id, 'bench.w5', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'manual', '{"n":1}',
       '2026-01-01 00:00:00Z', job_id, 'pending' FROM r)sql";

constexpr const char* step_sql = R"sql(
INSERT INTO squid_mesh_events (run_id, seq, kind, step, at, started_at, node, data)
SELECT run_id, seq, 'step_completed', step, at, started_at, 'host:12345', data::json
FROM unnest($1::uuid[], $2::int8[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[])
     AS f (run_id, seq, step, at, started_at, data))sql";

constexpr const char* fetch_sql = R"sql(
WITH fetched AS (
  UPDATE oban_jobs AS o
  SET state = 'executing', attempt = attempt + 1, attempted_at = '2026-01-01',
      attempted_by = ARRAY['host:12345', '0190163d-8694-739b-aea5-966c26f8ad91']
  FROM unnest($7::int8[]) AS j (id) WHERE o.id = j.id))sql";

constexpr const char* end_sql = R"sql(
WITH ended_jobs AS (
  UPDATE oban_jobs AS o SET state = 'completed', completed_at = '2026-01-01'
  FROM unnest($7::int8[]) AS j (id) WHERE o.id = j.id),
ended_runs AS (
  UPDATE squid_mesh_runs AS r SET status = 'completed', ended_at = '2026-01-01 00:00:00Z'
  FROM unnest($1::uuid[]) AS e (id) WHERE r.id = e.id))sql";

/// `measure_raw_steps` says what it writes.
class run_writer {
 public:
  explicit run_writer(postgres_session& db) : db_(db) {
    db_.prepare("start", start_sql);
    db_.prepare("first_step", (std::string(fetch_sql) + step_sql).c_str());
    db_.prepare("step", step_sql);
    db_.prepare("last_step", (std::string(end_sql) + step_sql).c_str());
  }

  void start(run_range range) { db_.run("start", {run_ids(range), job_ids(range)}); }

  void step(run_range range, std::size_t seq) {
    binary_array seqs(element::bigint);
    binary_array steps(element::text);
    binary_array ended(element::timestamptz);
    binary_array started(element::timestamptz);
    binary_array outputs(element::text);
    for (std::size_t i = range.begin; i < range.end; ++i) {
      seqs.add(static_cast<std::int64_t>(seq));
      steps.add("step_" + std::to_string(seq));
      ended.add(some_time);
      started.add(some_time);
      outputs.add(output_);
    }
    std::vector<binary_array> arrays{run_ids(range), seqs, steps, ended, started, outputs};
    const char* name = "step";
    if (seq == 1) name = "first_step";
    if (seq == steps_per_run) name = "last_step";
    // The jobs change at both ends.
    if (seq == 1 || seq == steps_per_run) arrays.push_back(job_ids(range));
    db_.run(name, arrays);
  }

 private:
  static binary_array run_ids(run_range range) {
    binary_array ids(element::uuid);
    for (std::size_t i = range.begin; i < range.end; ++i) ids.add(raw_run_id(i));
    return ids;
  }
  static binary_array job_ids(run_range range) {
    binary_array ids(element::bigint);
    for (std::size_t i = range.begin; i < range.end; ++i) ids.add(raw_job_id(i));
    return ids;
  }

  postgres_session& db_;
  const std::string output_ = step_output();
};

}  // namespace

raw_limits measure_raw_postgres(const std::string& url, const std::string& schema, const raw_amounts& amounts) {
  postgres_session db(url);
  // The tables have no statistics yet: rows are found by their keys all the same.
  db.execute("SET search_path = " + schema +
             "; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off"
             "; SET plan_cache_mode = force_generic_plan");
  db.execute("CREATE TABLE raw_rows (id bigserial PRIMARY KEY, value text)");
  db.prepare("commit", "INSERT INTO raw_rows (value) VALUES ('a single small row')");
  return {.commits_per_s = measure_raw_commits(amounts.commits, [&] { db.run("commit"); }),
          .steps_per_s = measure_raw_steps(amounts.runs, run_writer(db))};
}

}  // namespace squid_mesh::bench
