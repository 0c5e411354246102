#include "storage/postgres/commit_text.h"

#include "storage/postgres/commit_rows.h"
#include "storage/postgres/job_sql.h"
#include "storage/postgres/sql_text.h"

#include <string_view>
#include <vector>

namespace squid_mesh::storage::postgres {
namespace {

// Conditions of the form (x IN (SELECT ...)) IS TRUE are hashed. Bare ones would become joins, which take a time that
// grows with the square of the wave.

// Whoever deletes an ended run locks its row first. Of a run that may have ended the row is locked here, too, before
// anything is written about it, or is found to be gone.
constexpr std::string_view late_clauses = R"sql(,
late AS MATERIALIZED (SELECT DISTINCT run_id FROM f WHERE is_late),
present AS MATERIALIZED (
  SELECT r.id FROM @squid_mesh_runs AS r WHERE r.id = ANY (ARRAY(SELECT run_id FROM late)) ORDER BY r.id FOR UPDATE))sql";

constexpr std::string_view is_present =
    " AND ((run_id IN (SELECT run_id FROM late)) IS NOT TRUE OR (run_id IN (SELECT id FROM present)) IS TRUE)";

// Each is written anew as it is: whoever has just claimed one keeps us from it, and whoever claims one after this takes
// only the version that he has read the journal with.
constexpr std::string_view untouched_clauses = R"sql(,
touched AS (
  UPDATE @oban_jobs AS o SET state = o.state FROM idle WHERE o.id = idle.id AND (o.state IN ('available', 'scheduled', 'retryable')) IS TRUE
  RETURNING o.id),
disturbed AS MATERIALIZED (
  SELECT run_id FROM idle WHERE (id IN (SELECT id FROM touched)) IS NOT TRUE))sql";

constexpr std::string_view is_undisturbed = " AND (run_id IN (SELECT run_id FROM disturbed)) IS NOT TRUE";

// The fence: of two writers of one place the second waits for the first, and is skipped if that one commits. In the
// order of the runs, so that two waves that meet don't wait for each other.
constexpr std::string_view accepted_clause = R"sql(,
accepted AS (
  INSERT INTO @squid_mesh_events (run_id, seq, kind, step, at, started_at, node, data)
  SELECT run_id, seq, kind, step, at, started_at, node, data::json FROM f WHERE is_first{condition} ORDER BY run_id
  ON CONFLICT (run_id, seq) DO NOTHING
  RETURNING run_id))sql";

// In the same order, for the same reason.
constexpr std::string_view trusted_facts_clause = R"sql(,
accepted AS (
  INSERT INTO @squid_mesh_events (run_id, seq, kind, step, at, started_at, node, data)
  SELECT run_id, seq, kind, step, at, started_at, node, data::json FROM f ORDER BY run_id, seq))sql";

constexpr std::string_view further_facts_clause = R"sql(,
further AS (
  INSERT INTO @squid_mesh_events (run_id, seq, kind, step, at, started_at, node, data)
  SELECT run_id, seq, kind, step, at, started_at, node, data::json FROM f
  WHERE NOT is_first AND (run_id IN (SELECT run_id FROM accepted)) IS TRUE))sql";

// Whoever took the job over has changed its attempt or its holder, and no row is found. Where facts are the fence, the
// job follows them. In this form the state is no way in: an index on it leads to all that is executing.
constexpr std::string_view changed_clause = R"sql(,
changed AS (
  UPDATE @oban_jobs AS o
  SET state = (CASE WHEN j.rescues AND o.attempt >= o.max_attempts THEN 'discarded' ELSE j.state END)::@oban_job_state,
      scheduled_at = coalesce(j.scheduled_at, o.scheduled_at),
      completed_at = CASE WHEN j.state = 'completed' THEN j.ended_at ELSE o.completed_at END,
      discarded_at = CASE WHEN j.state = 'discarded' OR (j.rescues AND o.attempt >= o.max_attempts) THEN j.ended_at
                          ELSE o.discarded_at END,
      cancelled_at = CASE WHEN j.state = 'cancelled' THEN j.ended_at ELSE o.cancelled_at END,
      attempt = coalesce(j.new_attempt, o.attempt),
      errors = CASE WHEN j.error IS NULL THEN o.errors ELSE o.errors || j.error::jsonb END
  FROM j
  WHERE o.id = j.id AND (o.state = 'executing') IS TRUE AND o.attempt = j.attempt AND {holder} = j.holder AND {condition}
  RETURNING j.n, j.id))sql";

constexpr std::string_view numbered_clause = R"sql(,
numbered AS MATERIALIZED (
  SELECT i.*, nextval((SELECT pg_get_serial_sequence('@oban_jobs', 'id')::regclass)) AS id FROM i))sql";

constexpr std::string_view started_clause = R"sql(,
started AS (
  INSERT INTO @squid_mesh_runs (id, workflow, definition, trigger_name, payload, started_at, queue, priority, start_key,
                                deadline, origin, parent_id, job_id, status)
  SELECT run_id, workflow, definition, trigger_name, payload::json, started_at, run_queue, run_priority, start_key,
         deadline, origin::json, parent_id, CASE WHEN is_only THEN id END, 'pending'
  FROM numbered WHERE run_id IS NOT NULL{condition}))sql";

constexpr std::string_view unless_taken = R"sql(
  ON CONFLICT DO NOTHING
  RETURNING id)sql";

// The column "id" may be an identity that is always generated, as Oban for Python makes it.
constexpr std::string_view inserted_clause = R"sql(,
{name} AS (
  INSERT INTO @oban_jobs (id, state, queue, worker, args, meta, tags, priority, max_attempts, attempt, inserted_at,
                          scheduled_at)
  OVERRIDING SYSTEM VALUE
  SELECT id, state::@oban_job_state, queue, worker, args::jsonb, meta::jsonb,
         CASE WHEN tags = '[]' THEN '{}' ELSE ARRAY(SELECT json_array_elements_text(tags::json)) END, priority,
         max_attempts, attempt, inserted_at, scheduled_at
  FROM {rows} ORDER BY k
  RETURNING queue, state))sql";

// Facts order the commits of a run, so that what is read of its branches holds. Their jobs belong to anybody: each is
// locked before its state is looked at, and what is read then is the newest. That a job which was gone is replaced by a
// mending node at the very same time is borne: then two workers have the branch, and its journal is fenced.
constexpr std::string_view woken_clauses = R"sql(,
driven AS MATERIALIZED (
  SELECT w.k, w.inserted_at AS now,
         CASE WHEN w.branch IS NULL THEN (SELECT r.job_id FROM @squid_mesh_runs AS r WHERE r.id = w.run_id)
              ELSE (SELECT b.job_id FROM @squid_mesh_branches AS b WHERE b.run_id = w.run_id AND b.branch = w.branch)
              END AS job_id
  FROM w WHERE (w.n IN (SELECT n FROM applied)) IS TRUE),
looked_at AS MATERIALIZED (
  SELECT d.k, d.now, o.id, o.state::text AS state
  FROM driven AS d JOIN @oban_jobs AS o ON o.id = d.job_id ORDER BY o.id FOR UPDATE OF o),
woken AS (
  UPDATE @oban_jobs AS o SET state = 'available', scheduled_at = least(o.scheduled_at, l.now)
  FROM looked_at AS l WHERE o.id = l.id AND l.state IN ('scheduled', 'retryable')
  RETURNING o.queue),
renewed AS MATERIALIZED (
  SELECT w.*, CASE WHEN (w.k IN (SELECT k FROM looked_at WHERE state NOT IN ('completed', 'discarded', 'cancelled')))
                        IS TRUE THEN NULL
                   ELSE nextval((SELECT pg_get_serial_sequence('@oban_jobs', 'id')::regclass)) END AS id
  FROM w WHERE (w.n IN (SELECT n FROM applied)) IS TRUE))sql";

constexpr std::string_view attached_clause = R"sql(,
attached AS (
  INSERT INTO @squid_mesh_branches (run_id, branch, job_id)
  {rows}
  ORDER BY 1, 2
  ON CONFLICT (run_id, branch) DO UPDATE SET job_id = excluded.job_id))sql";

constexpr std::string_view released_clause = R"sql(,
released AS (
  DELETE FROM @squid_mesh_branches AS b USING x
  WHERE b.run_id = x.run_id AND b.branch = x.branch AND b.job_id = x.job_id{passed}))sql";

constexpr std::string_view retired_clauses = R"sql(,
retired AS (
  UPDATE @oban_jobs AS o SET state = 'cancelled', cancelled_at = d.now
  FROM (SELECT t.n, t.now, r.job_id FROM t JOIN @squid_mesh_runs AS r ON r.id = t.run_id
        UNION ALL
        SELECT t.n, t.now, b.job_id FROM t JOIN @squid_mesh_branches AS b ON b.run_id = t.run_id) AS d
  WHERE o.id = d.job_id AND (o.state IN ('available', 'scheduled', 'retryable')) IS TRUE
    AND (d.n IN (SELECT n FROM applied)) IS TRUE),
unbranched AS (
  DELETE FROM @squid_mesh_branches AS b USING t WHERE b.run_id = t.run_id AND (t.n IN (SELECT n FROM applied)) IS TRUE))sql";

constexpr std::string_view projected_clause = R"sql(,
projected AS (
  UPDATE @squid_mesh_runs AS r SET status = s.status, ended_at = s.ended_at
  FROM s WHERE r.id = s.run_id{passed}))sql";

// A run's row can be changed once in a statement: its status, and its job. A run that ends keeps its job: they are
// deleted together.
constexpr std::string_view projected_with_jobs_clause = R"sql(,
projected AS (
  UPDATE @squid_mesh_runs AS r
  SET status = coalesce(p.status, r.status),
      ended_at = CASE WHEN p.status IS NULL THEN r.ended_at ELSE p.ended_at END,
      job_id = coalesce(p.job_id, CASE WHEN p.ended_at IS NULL THEN nullif(r.job_id, p.released) ELSE r.job_id END)
  FROM ({rows}) AS p
  WHERE r.id = p.run_id AND (p.status IS NOT NULL OR p.released IS NOT NULL OR p.job_id IS NOT NULL){passed}))sql";

constexpr std::string_view ticked_clause = R"sql(,
ticked AS (
  UPDATE @squid_mesh_schedules AS d
  SET next_at = h.next_at, last_at = coalesce(h.last_at, d.last_at), last_run = coalesce(h.last_run, d.last_run)
  FROM h
  WHERE d.workflow = h.workflow AND d.trigger_name = h.trigger_name AND (h.n IN (SELECT n FROM applied)) IS TRUE))sql";

constexpr std::string_view kept_clause = R"sql(,
keeping AS (
  INSERT INTO @squid_mesh_snapshots (run_id, seq, state)
  SELECT run_id, seq, state FROM kept WHERE (n IN (SELECT n FROM applied)) IS TRUE ORDER BY run_id
  ON CONFLICT (run_id) DO UPDATE SET seq = excluded.seq, state = excluded.state))sql";

constexpr std::string_view pinned_clause = R"sql(,
pinning AS (
  UPDATE @squid_mesh_runs AS r SET definition = pinned.definition
  FROM pinned WHERE r.id = pinned.run_id AND (pinned.n IN (SELECT n FROM applied)) IS TRUE))sql";

// Every insertion of available jobs is told once for each queue, in its own transaction.
constexpr std::string_view notified_column = R"sql(,
  (SELECT count(pg_notify('{channel}', json_build_object('queue', queue)::text))
   FROM (SELECT DISTINCT queue FROM {rows}) AS q)::text)sql";

using texts = std::vector<std::string>;

std::string union_of(const texts& queries) {
  std::string text;
  for (const std::string& query : queries) text += (text.empty() ? "" : "\n  UNION ALL ") + query;
  return text;
}

/// Spells the statement of waves with certain parts.
class spelling {
 public:
  explicit spelling(unsigned parts) : parts_(parts) {}

  std::string text(const std::string& channel) {
    add_rows();
    add_fences();
    add_jobs();
    add_runs();
    if (has(part::ticks)) text_ += ticked_clause;
    if (has(part::snapshots)) text_ += kept_clause;
    if (has(part::pins)) text_ += pinned_clause;
    add_answer(channel);
    return std::move(text_);
  }

 private:
  [[nodiscard]] bool has(part which) const { return (parts_ & which) != 0; }
  [[nodiscard]] bool trusts() const { return has(part::trusting); }

  /// What a row's commit has to have done for the row to count, as one more condition.
  [[nodiscard]] std::string if_passed(std::string_view n) const {
    return trusts() ? "" : " AND (" + std::string(n) + " IN (SELECT n FROM applied)) IS TRUE";
  }

  void add_rows() {
    wave_rows rows(parts_);
    int next = 1;
    for (const row_set* set : rows.sets()) {
      text_ += text_.empty() ? "WITH " : ",\n";
      text_ += set->clause(next);
    }
  }

  void add_fences() {
    if (has(part::late_facts)) text_ += late_clauses;
    if (has(part::idles)) text_ += untouched_clauses;
    if (has(part::facts)) add_facts();
    if (has(part::changes)) {
      const bool follows_facts = has(part::facts) && !trusts();
      text_ +=
          fill_in(fill_in(std::string(changed_clause), "{holder}", holder_of("o")), "{condition}",
                  follows_facts ? "(j.run_id IS NULL OR (j.run_id IN (SELECT run_id FROM accepted)) IS TRUE)" : "true");
    }
    if (has(part::inserts)) text_ += numbered_clause;
    if (has(part::starts)) add_starts();
    if (!trusts()) add_passed("applied", "(run_id IN (SELECT id FROM started)) IS TRUE");
  }

  void add_facts() {
    if (trusts()) {
      text_ += trusted_facts_clause;
      return;
    }
    std::string condition(has(part::late_facts) ? is_present : "");
    if (has(part::idles)) condition += is_undisturbed;
    text_ += fill_in(std::string(accepted_clause), "{condition}", condition);
    if (has(part::further_facts)) text_ += further_facts_clause;
  }

  void add_starts() {
    std::string condition;
    if (has(part::fenced_starts)) {
      add_passed("passed", "true");
      condition += " AND (n IN (SELECT n FROM passed)) IS TRUE";
    }
    // So that two waves that meet don't wait for each other.
    if (has(part::keyed_starts)) condition += " ORDER BY workflow, start_key";
    if (!trusts()) condition += unless_taken;
    text_ += fill_in(std::string(started_clause), "{condition}", condition);
  }

  /// Which commits have got through their fence, a start's being this.
  void add_passed(std::string_view name, std::string_view start) {
    text_ += ",\n" + std::string(name) + " AS MATERIALIZED (\n  SELECT n FROM c WHERE CASE fence";
    text_ += "\n    WHEN 'nothing' THEN true";
    if (has(part::facts)) text_ += "\n    WHEN 'facts' THEN (run_id IN (SELECT run_id FROM accepted)) IS TRUE";
    if (has(part::changes)) text_ += "\n    WHEN 'job' THEN (n IN (SELECT n FROM changed)) IS TRUE";
    if (has(part::starts)) text_ += "\n    WHEN 'start' THEN " + std::string(start);
    text_ += "\n    ELSE false END)";
  }

  /// Which of the numbered jobs are inserted.
  [[nodiscard]] std::string admitted() const {
    std::string condition = "true" + if_passed("n");
    if (has(part::fenced_starts)) condition += " AND " + std::string(begins);
    return condition;
  }

  void add_jobs() {
    if (has(part::inserts)) add_insertion("inserted", "numbered WHERE " + admitted());
    if (has(part::wakes)) {
      text_ += woken_clauses;
      add_insertion("renewing", "renewed WHERE id IS NOT NULL");
    }
    if (has(part::retirements)) text_ += retired_clauses;
  }

  void add_insertion(std::string_view name, const std::string& rows) {
    text_ += fill_in(fill_in(std::string(inserted_clause), "{name}", name), "{rows}", rows);
  }

  void add_runs() {
    texts branches;
    texts changes;
    if (has(part::statuses)) {
      changes.emplace_back("SELECT n, run_id, status, ended_at, released, NULL::int8 AS job_id FROM s");
    }
    if (has(part::attachments)) {
      const std::string from = "FROM numbered WHERE drives IS NOT NULL AND branch IS ";
      branches.push_back("SELECT drives, branch, id " + from + "NOT NULL AND " + admitted());
      changes.push_back("SELECT n, drives AS run_id, status, ended_at, released, id AS job_id " + from + "NULL");
    }
    if (has(part::wakes)) {
      branches.emplace_back("SELECT run_id, branch, id FROM renewed WHERE branch IS NOT NULL AND id IS NOT NULL");
      changes.emplace_back(
          "SELECT n, run_id, status, ended_at, released, id AS job_id FROM renewed WHERE branch IS NULL");
    }
    if (!branches.empty()) text_ += fill_in(std::string(attached_clause), "{rows}", union_of(branches));
    if (has(part::branch_releases)) text_ += fill_in(std::string(released_clause), "{passed}", if_passed("x.n"));
    if (has(part::run_releases) || !branches.empty()) {
      text_ += fill_in(fill_in(std::string(projected_with_jobs_clause), "{rows}", union_of(changes)), "{passed}",
                       if_passed("p.n"));
    } else if (has(part::statuses)) {
      text_ += fill_in(std::string(projected_clause), "{passed}", if_passed("s.n"));
    }
  }

  void add_answer(const std::string& channel) {
    text_ += "\nSELECT ";
    text_ += trusts() ? "'', " : "string_agg(((n IN (SELECT n FROM applied)) IS TRUE)::int4::text, '' ORDER BY n), ";
    text_ += has(part::changes) ? "(SELECT coalesce(string_agg(id::text, ' '), '') FROM changed), " : "'', ";
    const std::string id = has(part::fenced_starts) ? "CASE WHEN " + std::string(begins) + " THEN id ELSE 0 END" : "id";
    text_ += has(part::inserts) ? "\n  (SELECT string_agg((" + id + ")::text, ' ' ORDER BY k) FROM numbered)" : "''";
    texts queues;
    if (has(part::inserts)) queues.emplace_back("SELECT queue FROM inserted WHERE state = 'available'");
    if (has(part::wakes)) {
      queues.emplace_back("SELECT queue FROM woken");
      queues.emplace_back("SELECT queue FROM renewing WHERE state = 'available'");
    }
    if (!queues.empty()) {
      text_ += fill_in(fill_in(std::string(notified_column), "{channel}", channel), "{rows}",
                       "(" + union_of(queues) + ") AS a");
    }
    if (!trusts()) text_ += "\nFROM c";
  }

  /// Whether a job isn't one of a run whose start key was taken.
  static constexpr std::string_view begins = "(starting IS NULL OR (starting IN (SELECT id FROM started)) IS TRUE)";

  const unsigned parts_;
  std::string text_;
};

}  // namespace

std::string insert_channel(const schema& tables) { return tables.name() + ".oban_insert"; }

std::string commit_text(unsigned parts, const schema& tables) {
  return tables.spell(spelling(parts).text(insert_channel(tables)));
}

}  // namespace squid_mesh::storage::postgres
