#include "storage/sqlite/run_sql.h"

#include "base/uuid_v7.h"
#include "storage/sqlite/ids.h"

#include <algorithm>
#include <stdexcept>

namespace squid_mesh::storage::sqlite {
namespace {

constexpr named_sql is_taken_sql{"is_run_taken", R"sql(
  SELECT 1 WHERE EXISTS (SELECT 1 FROM squid_mesh_runs WHERE id = ?1)
              OR EXISTS (SELECT 1 FROM squid_mesh_runs
                         WHERE workflow = ?2 AND start_key = ?3 AND imported_at IS NULL))sql"};

constexpr named_sql exists_sql{"run_exists", "SELECT 1 FROM squid_mesh_runs WHERE id = ?1"};

constexpr named_sql insert_run_sql{"insert_run", R"sql(
  INSERT INTO squid_mesh_runs (id, workflow, definition, trigger_name, payload, started_at, queue, priority, start_key,
                               deadline, origin, job_id, parent_id, status)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 'pending'))sql"};

// The fence: OR IGNORE turns a taken place into zero changed rows.
constexpr named_sql append_sql{"append_fact", R"sql(
  INSERT OR IGNORE INTO squid_mesh_events (run_id, seq, kind, step, at, started_at, node, data)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))sql"};

constexpr named_sql set_status_sql{"set_status", R"sql(
  UPDATE squid_mesh_runs SET status = ?2, ended_at = ?3 WHERE id = ?1)sql"};

// Without a status the run keeps its own; a new job counts for more than the release of the old one. A run that ends
// keeps its job: they are deleted together.
constexpr named_sql project_sql{"project_run", R"sql(
  UPDATE squid_mesh_runs
  SET status = coalesce(?2, status), ended_at = iif(?2 IS NULL, ended_at, ?3),
      job_id = coalesce(?4, iif(?3 IS NULL, nullif(job_id, ?5), job_id))
  WHERE id = ?1)sql"};

constexpr named_sql pin_sql{"pin_run", "UPDATE squid_mesh_runs SET definition = ?2 WHERE id = ?1"};

constexpr named_sql keep_sql{"keep_snapshot", R"sql(
  INSERT INTO squid_mesh_snapshots (run_id, seq, state) VALUES (?1, ?2, ?3)
  ON CONFLICT (run_id) DO UPDATE SET seq = excluded.seq, state = excluded.state)sql"};

constexpr named_sql set_job_sql{"set_job", "UPDATE squid_mesh_runs SET job_id = ?2 WHERE id = ?1"};

constexpr named_sql find_by_start_key_sql{"find_by_start_key",
                                          "SELECT id FROM squid_mesh_runs"
                                          " WHERE workflow = ?1 AND start_key = ?2 AND imported_at IS NULL"};

constexpr named_sql is_ending_sql{
    "is_run_ending", "SELECT 1 FROM squid_mesh_runs WHERE id = ?1 AND (status = 'cancelling' OR ended_at IS NOT NULL)"};

constexpr named_sql put_definition_sql{"put_definition", R"sql(
  INSERT OR IGNORE INTO squid_mesh_definitions (fingerprint, name, version, document, inserted_at)
  VALUES (?1, ?2, ?3, ?4, ?5))sql"};

constexpr named_sql get_definition_sql{"get_definition",
                                       "SELECT document FROM squid_mesh_definitions WHERE fingerprint = ?1"};

constexpr const char* select_runs =
    "SELECT id, workflow, definition, trigger_name, payload, started_at, job_id, stored_status, status, ended_at, "
    "queue,"
    " priority, start_key, deadline, origin, parent_id, imported_at, routes FROM squid_mesh_run_states ";

constexpr named_sql find_sql{"find_run", R"sql(
  SELECT id, workflow, definition, trigger_name, payload, started_at, job_id, stored_status, status, ended_at, queue,
         priority, start_key, deadline, origin, parent_id, imported_at, routes
  FROM squid_mesh_run_states WHERE id = ?1)sql"};

constexpr named_sql journal_sql{"read_journal", R"sql(
  SELECT seq, kind, step, at, started_at, node, data FROM squid_mesh_events WHERE run_id = ?1 AND seq > ?2
  ORDER BY seq)sql"};

constexpr named_sql snapshot_sql{"read_snapshot", "SELECT seq, state FROM squid_mesh_snapshots WHERE run_id = ?1"};

constexpr named_sql last_seq_sql{"last_seq", "SELECT max(seq) FROM squid_mesh_events WHERE run_id = ?1"};

constexpr named_sql fact_at_sql{"read_fact", R"sql(
  SELECT seq, kind, step, at, started_at, node, data FROM squid_mesh_events WHERE run_id = ?1 AND seq = ?2)sql"};

/// As the tables have it: no text is NULL.
std::optional<std::string_view> non_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
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
          .queue = std::string(row.text(10)),
          .priority = static_cast<int>(row.integer(11)),
          .start_key = std::string(row.text(12)),
          .deadline = row.optional_time(13),
          .origin = std::string(row.text(14)),
          .parent = row.is_null(15) ? std::nullopt : std::optional(to_run_id(row.blob(15))),
          .job = row.is_null(6) ? std::nullopt : std::optional(job_id{row.integer(6)}),
          .status = known(parse_run_status(row.text(7)), row.text(7)),
          .shown_status = known(parse_run_status(row.text(8)), row.text(8)),
          .ended_at = row.optional_time(9),
          .imported_at = row.optional_time(16),
          .routes = std::string(row.text(17))};
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
  if (filter.parent) sql += " AND parent_id = ?";
  // The ids of runs say when they began, and are in an index.
  if (filter.started_from) sql += " AND id >= ? AND started_at >= ?";
  if (filter.started_before) sql += " AND id < ? AND started_at < ?";
  if (filter.statuses.empty()) return sql;
  // Says what the partial index on the status needs to hear.
  if (std::ranges::find(filter.statuses, run_status::completed) == filter.statuses.end()) {
    sql += " AND stored_status <> 'completed'";
  }
  sql += " AND status IN (?";
  for (std::size_t i = 1; i < filter.statuses.size(); ++i) sql += ", ?";
  return sql + ")";
}

/// What a filter says of the time, as ids. A statement refers to what is bound to it.
struct id_bounds {
  explicit id_bounds(const run_filter& filter)
      : from{first_uuid_v7(filter.started_from.value_or(time_point::min()))},
        before{first_uuid_v7(filter.started_before.value_or(time_point::max()))} {}
  run_id from;
  run_id before;
};

void bind_filter(statement& query, const run_filter& filter, const std::optional<run_id>& older_than,
                 const id_bounds& bounds) {
  int at = 0;
  if (older_than) query.bind(++at, blob_of(*older_than));
  if (!filter.workflow.empty()) query.bind(++at, filter.workflow);
  if (filter.parent) query.bind(++at, blob_of(*filter.parent));
  if (filter.started_from) {
    query.bind(++at, blob_of(bounds.from));
    query.bind(++at, *filter.started_from);
  }
  if (filter.started_before) {
    query.bind(++at, blob_of(bounds.before));
    query.bind(++at, *filter.started_before);
  }
  for (const run_status status : filter.statuses) query.bind(++at, to_string(status));
  query.bind(++at, filter.limit);
}

}  // namespace

run_writer::run_writer(connection& database)
    : is_taken_(database, is_taken_sql),
      exists_(database, exists_sql),
      insert_run_(database, insert_run_sql),
      append_(database, append_sql),
      set_status_(database, set_status_sql),
      project_(database, project_sql),
      set_job_(database, set_job_sql),
      pin_(database, pin_sql),
      keep_(database, keep_sql),
      put_definition_(database, put_definition_sql) {}

bool run_writer::is_taken(const run_record& run) {
  const bool taken = is_taken_.bind(1, blob_of(run.id)).bind(2, run.workflow).bind(3, non_empty(run.start_key)).next();
  is_taken_.reset();
  return taken;
}

bool run_writer::exists(const run_id& run) {
  const bool found = exists_.bind(1, blob_of(run)).next();
  exists_.reset();
  return found;
}

void run_writer::insert_run(const run_record& run, std::optional<job_id> job) {
  insert_run_.bind(1, blob_of(run.id))
      .bind(2, run.workflow)
      .bind(3, run.definition)
      .bind(4, run.trigger)
      .bind(5, run.payload)
      .bind(6, run.started_at)
      .bind(7, run.queue)
      .bind(8, run.priority)
      .bind(9, non_empty(run.start_key))
      .bind(10, run.deadline)
      .bind(11, non_empty(run.origin))
      .bind(12, number_of(job))
      .bind(13, run.parent ? std::optional(blob_of(*run.parent)) : std::nullopt)
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

void run_writer::project(const run_id& run, const projection& change) {
  const auto& status = change.status;
  if (!change.job && !change.released) {
    if (status) set_status_.bind(1, blob_of(run)).bind(2, to_string(status->status)).bind(3, status->ended_at).run();
    return;
  }
  project_.bind(1, blob_of(run))
      .bind(2, status ? std::optional(to_string(status->status)) : std::nullopt)
      .bind(3, status ? status->ended_at : std::nullopt)
      .bind(4, number_of(change.job))
      .bind(5, number_of(change.released))
      .run();
}

void run_writer::set_job(const run_id& run, job_id job) { set_job_.bind(1, blob_of(run)).bind(2, job.value).run(); }

void run_writer::pin(const run_id& run, std::string_view definition) {
  pin_.bind(1, blob_of(run)).bind(2, definition).run();
}

void run_writer::keep(const run_id& run, const snapshot& state) {
  keep_.bind(1, blob_of(run)).bind(2, state.seq).bind(3, state.text).run();
}

void run_writer::put_definition(std::string_view fingerprint, std::string_view name, std::string_view version,
                                std::string_view document, time_point now) {
  put_definition_.bind(1, fingerprint).bind(2, name).bind(3, version).bind(4, document).bind(5, now).run();
}

run_reader::run_reader(connection& database)
    : database_(database),
      find_(database, find_sql),
      journal_(database, journal_sql),
      snapshot_(database, snapshot_sql),
      fact_at_(database, fact_at_sql),
      last_seq_(database, last_seq_sql),
      find_by_start_key_(database, find_by_start_key_sql),
      is_ending_(database, is_ending_sql),
      definition_(database, get_definition_sql) {}

std::optional<run_record> run_reader::find(const run_id& id) {
  std::optional<run_record> found;
  if (find_.bind(1, blob_of(id)).next()) found = read_run(find_);
  find_.reset();
  return found;
}

std::vector<fact> run_reader::facts_after(const run_id& id, std::int64_t seq) {
  std::vector<fact> facts;
  journal_.bind(1, blob_of(id)).bind(2, seq);
  while (journal_.next()) facts.push_back(read_fact(journal_));
  return facts;
}

std::optional<snapshot> run_reader::last_snapshot(const run_id& id) {
  std::optional<snapshot> found;
  if (snapshot_.bind(1, blob_of(id)).next()) {
    found = snapshot{.seq = snapshot_.integer(0), .text = std::string(snapshot_.text(1))};
  }
  snapshot_.reset();
  return found;
}

std::optional<journal> run_reader::read(const run_id& id, journal_part which) {
  auto run = find(id);
  if (!run) return std::nullopt;
  auto before = which == journal_part::recent ? last_snapshot(id) : std::nullopt;
  auto facts = facts_after(id, before ? before->seq : 0);
  return journal{.run = *std::move(run), .facts = std::move(facts), .before = std::move(before)};
}

std::int64_t run_reader::last_seq(const run_id& id) {
  last_seq_.bind(1, blob_of(id)).next();
  const std::int64_t last = last_seq_.is_null(0) ? 0 : last_seq_.integer(0);
  last_seq_.reset();
  return last;
}

std::optional<fact> run_reader::fact_at(const run_id& id, std::int64_t seq) {
  std::optional<fact> found;
  if (fact_at_.bind(1, blob_of(id)).bind(2, seq).next()) found = read_fact(fact_at_);
  fact_at_.reset();
  return found;
}

std::optional<run_id> run_reader::find_by_start_key(std::string_view workflow, std::string_view key) {
  std::optional<run_id> found;
  if (find_by_start_key_.bind(1, workflow).bind(2, key).next()) found = to_run_id(find_by_start_key_.blob(0));
  find_by_start_key_.reset();
  return found;
}

bool run_reader::is_ending(const run_id& id) {
  const bool ending = is_ending_.bind(1, blob_of(id)).next();
  is_ending_.reset();
  return ending;
}

std::vector<run_record> run_reader::list(const run_filter& filter, const std::optional<run_id>& older_than) {
  const std::string sql = select_runs + where(filter, older_than) + " ORDER BY id DESC LIMIT ?";
  statement query(database_, {"list_runs", sql.c_str()});
  const id_bounds bounds(filter);
  bind_filter(query, filter, older_than, bounds);
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
