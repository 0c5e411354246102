#include "storage/sqlite/run_sql.h"

#include <algorithm>
#include <stdexcept>

namespace squid_mesh::storage::sqlite {
namespace {

constexpr named_sql insert_run_sql{"insert_run", R"sql(
  INSERT INTO squid_mesh_runs (id, workflow, definition, trigger_name, payload, started_at, job_id, status)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending'))sql"};

// The fence: OR IGNORE turns a taken place into zero changed rows.
constexpr named_sql append_sql{"append_fact", R"sql(
  INSERT OR IGNORE INTO squid_mesh_events (run_id, seq, kind, step, at, started_at, node, data)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))sql"};

constexpr named_sql set_status_sql{"set_status", R"sql(
  UPDATE squid_mesh_runs SET status = ?2, ended_at = ?3 WHERE id = ?1)sql"};

constexpr named_sql set_job_sql{"set_job", "UPDATE squid_mesh_runs SET job_id = ?2 WHERE id = ?1"};

constexpr named_sql jobless_sql{"jobless_runs", R"sql(
  SELECT r.id, coalesce(j.attempt, 1) > 0 FROM squid_mesh_runs r LEFT JOIN oban_jobs j ON j.id = r.job_id
  WHERE r.status IN ('pending', 'running', 'retrying', 'cancelling')
    AND (j.id IS NULL OR j.state IN ('completed', 'discarded', 'cancelled'))
  LIMIT ?1)sql"};

constexpr named_sql put_definition_sql{"put_definition", R"sql(
  INSERT OR IGNORE INTO squid_mesh_definitions (fingerprint, name, version, document, inserted_at)
  VALUES (?1, ?2, ?3, ?4, ?5))sql"};

constexpr named_sql get_definition_sql{"get_definition",
                                       "SELECT document FROM squid_mesh_definitions WHERE fingerprint = ?1"};

constexpr const char* select_runs =
    "SELECT id, workflow, definition, trigger_name, payload, started_at, job_id, stored_status, status, ended_at"
    " FROM squid_mesh_run_states ";

constexpr named_sql find_sql{"find_run", R"sql(
  SELECT id, workflow, definition, trigger_name, payload, started_at, job_id, stored_status, status, ended_at
  FROM squid_mesh_run_states WHERE id = ?1)sql"};

constexpr named_sql journal_sql{"read_journal", R"sql(
  SELECT seq, kind, step, at, started_at, node, data FROM squid_mesh_events WHERE run_id = ?1 ORDER BY seq)sql"};

constexpr named_sql fact_at_sql{"read_fact", R"sql(
  SELECT seq, kind, step, at, started_at, node, data FROM squid_mesh_events WHERE run_id = ?1 AND seq = ?2)sql"};

run_id to_run_id(std::span<const std::uint8_t> blob) {
  run_id id;
  if (blob.size() == id.value.bytes.size()) std::ranges::copy(blob, id.value.bytes.begin());
  return id;
}

/// A name that this library has never written is a database that it must not touch.
template <class T>
T known(std::optional<T> parsed, std::string_view name) {
  if (!parsed) throw std::runtime_error("the database holds the unknown name \"" + std::string(name) + "\"");
  return *parsed;
}

run_record read_run(const statement& row) {
  return {.id = to_run_id(row.blob(0)),
          .workflow = std::string(row.text(1)),
          .definition = std::string(row.text(2)),
          .trigger = std::string(row.text(3)),
          .payload = std::string(row.text(4)),
          .started_at = row.time(5),
          .job = row.is_null(6) ? std::nullopt : std::optional(job_id{row.integer(6)}),
          .status = known(parse_run_status(row.text(7)), row.text(7)),
          .shown_status = known(parse_run_status(row.text(8)), row.text(8)),
          .ended_at = row.optional_time(9)};
}

fact read_fact(const statement& row) {
  return {.seq = row.integer(0),
          .kind = known(parse_fact_kind(row.text(1)), row.text(1)),
          .step = std::string(row.text(2)),
          .at = row.time(3),
          .started_at = row.optional_time(4),
          .node = std::string(row.text(5)),
          .data = std::string(row.text(6))};
}

/// The conditions of a filter as SQL, with a parameter for each in the order in which `bind_filter` binds them.
std::string where(const run_filter& filter, const std::optional<run_id>& older_than) {
  std::string sql = "WHERE 1";
  if (older_than) sql += " AND id < ?";
  if (!filter.workflow.empty()) sql += " AND workflow = ?";
  if (filter.started_from) sql += " AND started_at >= ?";
  if (filter.started_before) sql += " AND started_at < ?";
  if (filter.statuses.empty()) return sql;
  // Says what the partial index on the status needs to hear.
  if (std::ranges::find(filter.statuses, run_status::completed) == filter.statuses.end()) {
    sql += " AND stored_status <> 'completed'";
  }
  sql += " AND status IN (?";
  for (std::size_t i = 1; i < filter.statuses.size(); ++i) sql += ", ?";
  return sql + ")";
}

void bind_filter(statement& query, const run_filter& filter, const std::optional<run_id>& older_than) {
  int at = 0;
  if (older_than) query.bind(++at, std::span<const std::uint8_t>(older_than->value.bytes));
  if (!filter.workflow.empty()) query.bind(++at, filter.workflow);
  if (filter.started_from) query.bind(++at, *filter.started_from);
  if (filter.started_before) query.bind(++at, *filter.started_before);
  for (const run_status status : filter.statuses) query.bind(++at, to_string(status));
  query.bind(++at, filter.limit);
}

std::span<const std::uint8_t> blob_of(const run_id& id) { return id.value.bytes; }

}  // namespace

run_writer::run_writer(connection& database)
    : insert_run_(database, insert_run_sql),
      append_(database, append_sql),
      set_status_(database, set_status_sql),
      set_job_(database, set_job_sql),
      jobless_(database, jobless_sql),
      put_definition_(database, put_definition_sql) {}

void run_writer::insert_run(const run_record& run, job_id job) {
  insert_run_.bind(1, blob_of(run.id))
      .bind(2, run.workflow)
      .bind(3, run.definition)
      .bind(4, run.trigger)
      .bind(5, run.payload)
      .bind(6, run.started_at)
      .bind(7, job.value)
      .run();
}

bool run_writer::append(const run_id& run, const fact& next) {
  return append_.bind(1, blob_of(run))
             .bind(2, next.seq)
             .bind(3, to_string(next.kind))
             .bind(4, next.step)
             .bind(5, next.at)
             .bind(6, next.started_at)
             .bind(7, next.node)
             .bind(8, next.data)
             .run() == 1;
}

void run_writer::set_status(const run_id& run, const status_change& change) {
  set_status_.bind(1, blob_of(run)).bind(2, to_string(change.status)).bind(3, change.ended_at).run();
}

void run_writer::set_job(const run_id& run, job_id job) { set_job_.bind(1, blob_of(run)).bind(2, job.value).run(); }

std::vector<jobless_run> run_writer::jobless_runs(std::size_t limit) {
  std::vector<jobless_run> found;
  jobless_.bind(1, limit);
  while (jobless_.next()) {
    found.push_back({.run = to_run_id(jobless_.blob(0)), .may_be_in_flight = jobless_.integer(1) != 0});
  }
  return found;
}

void run_writer::put_definition(std::string_view fingerprint, std::string_view name, std::string_view version,
                                std::string_view document, time_point now) {
  put_definition_.bind(1, fingerprint).bind(2, name).bind(3, version).bind(4, document).bind(5, now).run();
}

run_reader::run_reader(connection& database)
    : database_(database),
      find_(database, find_sql),
      journal_(database, journal_sql),
      fact_at_(database, fact_at_sql),
      definition_(database, get_definition_sql) {}

std::optional<run_record> run_reader::find(const run_id& id) {
  std::optional<run_record> found;
  if (find_.bind(1, blob_of(id)).next()) found = read_run(find_);
  find_.reset();
  return found;
}

std::vector<fact> run_reader::journal(const run_id& id) {
  std::vector<fact> facts;
  journal_.bind(1, blob_of(id));
  while (journal_.next()) facts.push_back(read_fact(journal_));
  return facts;
}

std::optional<fact> run_reader::fact_at(const run_id& id, std::int64_t seq) {
  std::optional<fact> found;
  if (fact_at_.bind(1, blob_of(id)).bind(2, seq).next()) found = read_fact(fact_at_);
  fact_at_.reset();
  return found;
}

std::vector<run_record> run_reader::list(const run_filter& filter, const std::optional<run_id>& older_than) {
  const std::string sql = select_runs + where(filter, older_than) + " ORDER BY id DESC LIMIT ?";
  statement query(database_, {"list_runs", sql.c_str()});
  bind_filter(query, filter, older_than);
  std::vector<run_record> found;
  while (query.next()) found.push_back(read_run(query));
  return found;
}

std::optional<std::string> run_reader::definition(std::string_view fingerprint) {
  std::optional<std::string> found;
  if (definition_.bind(1, fingerprint).next()) found = std::string(definition_.text(0));
  definition_.reset();
  return found;
}

}  // namespace squid_mesh::storage::sqlite
