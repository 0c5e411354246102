#include "storage/postgres/commit_sql.h"

#include "storage/error_element.h"
#include "storage/postgres/job_sql.h"
#include "storage/postgres/sql_text.h"

#include <charconv>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

/// What a wave may have in it. A statement has clauses for what its wave has, and no others: each costs time even
/// where it has nothing to do.
enum part : unsigned { facts = 1, further_facts = 2, changes = 4, inserts = 8, starts = 16, statuses = 32 };

/// On what a commit's other writes depend.
constexpr std::string_view by_facts = "facts";
constexpr std::string_view by_job = "job";
constexpr std::string_view by_start = "start";
constexpr std::string_view by_nothing = "nothing";

// -- A wave as arrays

struct column {
  const char* name;
  element type;
};

/// A set of rows that goes to the server as one array for each column.
class row_set {
 public:
  row_set(const char* name, std::vector<column> columns) : name_(name), columns_(std::move(columns)) {
    for (const column& c : columns_) arrays_.emplace_back(c.type);
  }

  template <class... Values>
  void add(const Values&... values) {
    std::size_t at = 0;
    (arrays_.at(at++).push(values), ...);
    ++size_;
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  /// `name AS (SELECT * FROM unnest($3::int4[], ...) AS name (n, ...))`, numbering parameters from `next`.
  [[nodiscard]] std::string clause(int& next) const {
    std::string types;
    std::string names;
    for (const column& c : columns_) {
      const char* separator = types.empty() ? "" : ", ";
      types += separator + ("$" + std::to_string(next++)) + "::" + std::string(to_string(c.type)) + "[]";
      names += separator + std::string(c.name);
    }
    return std::string(name_) + " AS (SELECT * FROM unnest(" + types + ") AS " + name_ + " (" + names + "))";
  }
  void add_to(parameters& values) {
    for (array& each : arrays_) values.add_bytes(each.take());
  }

 private:
  const char* name_;
  std::vector<column> columns_;
  std::vector<array> arrays_;
  std::size_t size_ = 0;
};

struct wave_rows {
  row_set commits{"c", {{"n", element::integer}, {"fence", element::text}, {"run_id", element::uuid}}};
  row_set facts{"f",
                {{"run_id", element::uuid},
                 {"seq", element::bigint},
                 {"is_first", element::boolean},
                 {"kind", element::text},
                 {"step", element::text},
                 {"at", element::timestamptz},
                 {"started_at", element::timestamptz},
                 {"node", element::text},
                 {"data", element::text}}};
  row_set changes{"j",
                  {{"n", element::integer},
                   {"run_id", element::uuid},
                   {"id", element::bigint},
                   {"attempt", element::integer},
                   {"holder", element::text},
                   {"state", element::text},
                   {"rescues", element::boolean},
                   {"scheduled_at", element::timestamp},
                   {"ended_at", element::timestamp},
                   {"new_attempt", element::integer},
                   {"error", element::text}}};
  row_set inserts{"i",
                  {{"n", element::integer},
                   {"k", element::integer},
                   {"state", element::text},
                   {"queue", element::text},
                   {"worker", element::text},
                   {"args", element::text},
                   {"meta", element::text},
                   {"tags", element::text},
                   {"priority", element::integer},
                   {"max_attempts", element::integer},
                   {"attempt", element::integer},
                   {"inserted_at", element::timestamp},
                   {"scheduled_at", element::timestamp},
                   // Of the run that starts with this job, if one does.
                   {"run_id", element::uuid},
                   {"workflow", element::text},
                   {"definition", element::text},
                   {"trigger_name", element::text},
                   {"payload", element::text},
                   {"started_at", element::timestamptz}}};
  row_set statuses{"s",
                   {{"n", element::integer},
                    {"run_id", element::uuid},
                    {"status", element::text},
                    {"ended_at", element::timestamptz}}};

  /// Those that a wave with these parts has, in the order of their parameters.
  std::vector<row_set*> sets(unsigned parts) {
    std::vector<row_set*> used{&commits};
    if ((parts & part::facts) != 0) used.push_back(&facts);
    if ((parts & part::changes) != 0) used.push_back(&changes);
    if ((parts & part::inserts) != 0) used.push_back(&inserts);
    if ((parts & part::statuses) != 0) used.push_back(&statuses);
    return used;
  }
};

std::optional<std::string_view> non_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

std::string_view fence_of(const commit& what) {
  if (!what.facts.empty()) return by_facts;
  if (what.job) return by_job;
  return what.start ? by_start : by_nothing;
}

/// The state that a change leaves the job in, unless its attempts are used up.
jobs::state state_after(job_change::kind change) {
  switch (change) {
    case job_change::kind::keep:
      return jobs::state::executing;
    case job_change::kind::finish:
      return jobs::state::completed;
    case job_change::kind::snooze:
      return jobs::state::scheduled;
    case job_change::kind::give_back:
    case job_change::kind::rescue:
      return jobs::state::available;
    case job_change::kind::retry:
      return jobs::state::retryable;
    case job_change::kind::discard:
      return jobs::state::discarded;
    case job_change::kind::cancel:
      return jobs::state::cancelled;
  }
  return jobs::state::executing;
}

/// Whether the job's row is of interest: one that the worker keeps needs no look, if facts are the fence.
bool touches_job(const commit& what) { return what.job && (ends_delivery(what.change.is) || what.facts.empty()); }

void add_facts(wave_rows& sets, const commit& what) {
  for (const fact& next : what.facts) {
    sets.facts.add(what.run, next.seq, &next == &what.facts.front(), to_string(next.kind), next.step, next.at,
                   next.started_at, next.node, non_empty(next.data));
  }
}

void add_change(wave_rows& sets, std::int32_t n, const commit& what, time_point now) {
  using kind = job_change::kind;
  const kind is = what.change.is;
  const bool delayed = is == kind::snooze || is == kind::retry;
  const bool uncounted = is == kind::snooze || is == kind::give_back;
  const bool failed = is == kind::retry || is == kind::rescue || is == kind::discard || is == kind::cancel;
  const bool ends = is == kind::finish || is == kind::rescue || is == kind::discard || is == kind::cancel;
  sets.changes.add(n, what.facts.empty() ? std::nullopt : std::optional(what.run), what.job->job.value,
                   what.job->attempt, what.job->holder, jobs::to_string(state_after(is)), is == kind::rescue,
                   delayed ? std::optional(what.change.at) : std::nullopt, ends ? std::optional(now) : std::nullopt,
                   uncounted ? std::optional(std::int32_t{what.job->uncounted_attempt}) : std::nullopt,
                   failed ? std::optional(error_element(what.job->attempt, now, what.change.reason)) : std::nullopt);
}

void add_inserts(wave_rows& sets, std::int32_t n, std::int32_t& k, const commit& what, time_point now) {
  for (const job_insert& job : what.inserts) {
    const run_record* run = what.start && &job == &what.inserts.front() ? &*what.start : nullptr;
    const auto of_run = [run](auto member) { return run == nullptr ? std::nullopt : std::optional(run->*member); };
    sets.inserts.add(n, k++, jobs::to_string(job.scheduled_at ? jobs::state::scheduled : jobs::state::available),
                     job.queue, job.worker, job.args, job.meta, job.tags, job.priority, job.max_attempts, job.attempt,
                     now, job.scheduled_at.value_or(now), of_run(&run_record::id), of_run(&run_record::workflow),
                     of_run(&run_record::definition), of_run(&run_record::trigger), of_run(&run_record::payload),
                     of_run(&run_record::started_at));
  }
}

// -- The statement

// Conditions of the form (x IN (SELECT ...)) IS TRUE are hashed. Bare ones would become joins, which take a time that
// grows with the square of the wave.

// The fence: of two writers of one place the second waits for the first, and is skipped if that one commits. In the
// order of the runs, so that two waves that meet don't wait for each other.
constexpr std::string_view accepted_clause = R"sql(,
accepted AS (
  INSERT INTO @squid_mesh_events (run_id, seq, kind, step, at, started_at, node, data)
  SELECT run_id, seq, kind, step, at, started_at, node, data::json FROM f WHERE is_first ORDER BY run_id
  ON CONFLICT (run_id, seq) DO NOTHING
  RETURNING run_id))sql";

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
  RETURNING j.n))sql";

constexpr std::string_view numbered_clause = R"sql(,
numbered AS MATERIALIZED (
  SELECT i.*, nextval((SELECT pg_get_serial_sequence('@oban_jobs', 'id')::regclass)) AS id FROM i))sql";

constexpr std::string_view started_clause = R"sql(,
started AS (
  INSERT INTO @squid_mesh_runs (id, workflow, definition, trigger_name, payload, started_at, job_id, status)
  SELECT run_id, workflow, definition, trigger_name, payload::json, started_at, id, 'pending'
  FROM numbered WHERE run_id IS NOT NULL
  ON CONFLICT (id) DO NOTHING
  RETURNING id))sql";

// The column "id" may be an identity that is always generated, as Oban for Python makes it.
constexpr std::string_view inserted_clause = R"sql(,
inserted AS (
  INSERT INTO @oban_jobs (id, state, queue, worker, args, meta, tags, priority, max_attempts, attempt, inserted_at,
                          scheduled_at)
  OVERRIDING SYSTEM VALUE
  SELECT id, state::@oban_job_state, queue, worker, args::jsonb, meta::jsonb,
         ARRAY(SELECT json_array_elements_text(tags::json)), priority, max_attempts, attempt, inserted_at, scheduled_at
  FROM numbered WHERE (n IN (SELECT n FROM applied)) IS TRUE ORDER BY k
  RETURNING queue, state))sql";

constexpr std::string_view projected_clause = R"sql(,
projected AS (
  UPDATE @squid_mesh_runs AS r SET status = s.status, ended_at = s.ended_at
  FROM s WHERE r.id = s.run_id AND (s.n IN (SELECT n FROM applied)) IS TRUE))sql";

// Every insertion of available jobs is told once for each queue, in its own transaction.
constexpr std::string_view notified_columns = R"sql(,
  (SELECT string_agg(id::text, ' ' ORDER BY k) FROM numbered),
  (SELECT count(pg_notify('{channel}', json_build_object('queue', queue)::text))
   FROM (SELECT DISTINCT queue FROM inserted WHERE state = 'available') AS q)::text)sql";

/// Which commits have got through their fence.
std::string applied_clause(unsigned parts) {
  std::string text = ",\napplied AS MATERIALIZED (\n  SELECT n FROM c WHERE CASE fence\n    WHEN 'nothing' THEN true";
  if ((parts & part::facts) != 0) text += "\n    WHEN 'facts' THEN (run_id IN (SELECT run_id FROM accepted)) IS TRUE";
  if ((parts & part::changes) != 0) text += "\n    WHEN 'job' THEN (n IN (SELECT n FROM changed)) IS TRUE";
  if ((parts & part::starts) != 0) text += "\n    WHEN 'start' THEN (run_id IN (SELECT id FROM started)) IS TRUE";
  return text + "\n    ELSE false END)";
}

std::string text_for(unsigned parts, const schema& tables) {
  wave_rows sets;
  int next = 1;
  std::string text;
  for (const row_set* set : sets.sets(parts)) {
    text += text.empty() ? "WITH " : ",\n";
    text += set->clause(next);
  }
  if ((parts & part::facts) != 0) text += accepted_clause;
  if ((parts & part::further_facts) != 0) text += further_facts_clause;
  if ((parts & part::changes) != 0) {
    const bool with_facts = (parts & part::facts) != 0;
    text += fill_in(fill_in(std::string(changed_clause), "{holder}", holder_of("o")), "{condition}",
                    with_facts ? "(j.run_id IS NULL OR (j.run_id IN (SELECT run_id FROM accepted)) IS TRUE)" : "true");
  }
  if ((parts & part::inserts) != 0) text += numbered_clause;
  if ((parts & part::starts) != 0) text += started_clause;
  text += applied_clause(parts);
  if ((parts & part::inserts) != 0) text += inserted_clause;
  if ((parts & part::statuses) != 0) text += projected_clause;
  text += "\nSELECT string_agg(((n IN (SELECT n FROM applied)) IS TRUE)::int4::text, '' ORDER BY n), ";
  text += (parts & part::changes) != 0
              ? "string_agg(((n IN (SELECT n FROM changed)) IS TRUE)::int4::text, '' ORDER BY n)"
              : "''";
  text += (parts & part::inserts) != 0 ? fill_in(std::string(notified_columns), "{channel}", insert_channel(tables))
                                       : ", ''";
  return tables.spell(text + "\nFROM c");
}

/// Numbers, separated by spaces.
std::vector<job_id> parse_ids(std::string_view text) {
  std::vector<job_id> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    job_id id;
    const auto [rest, problem] = std::from_chars(at, end, id.value);
    if (problem != std::errc()) throw std::runtime_error("PostgreSQL returned job ids that are no numbers");
    ids.push_back(id);
    at = rest + 1;
  }
  return ids;
}

}  // namespace

std::string insert_channel(const schema& tables) { return tables.name() + ".oban_insert"; }

std::vector<wave> in_waves(std::span<const commit* const> commits) {
  std::vector<wave> waves(1);
  std::set<run_id> runs;
  std::set<job_id> jobs;
  for (const commit* next : commits) {
    const bool has_run = next->start || next->status || !next->facts.empty();
    if ((has_run && runs.contains(next->run)) || (next->job && jobs.contains(next->job->job))) {
      waves.emplace_back();
      runs.clear();
      jobs.clear();
    }
    if (has_run) runs.insert(next->run);
    if (next->job) jobs.insert(next->job->job);
    waves.back().push_back(next);
  }
  if (waves.back().empty()) waves.pop_back();
  return waves;
}

const statement& commit_speller::statement_for(unsigned parts) {
  const std::lock_guard lock(mutex_);
  auto& known = statements_[parts];
  if (!known) known = std::make_unique<const statement>(text_for(parts, tables_));
  return *known;
}

request commit_speller::spell(const wave& commits, time_point now) {
  wave_rows sets;
  unsigned parts = 0;
  std::int32_t n = 0;
  std::int32_t k = 0;
  for (const commit* next : commits) {
    sets.commits.add(n, fence_of(*next), next->run);
    add_facts(sets, *next);
    if (next->facts.size() > 1) parts |= part::further_facts;
    if (touches_job(*next)) add_change(sets, n, *next, now);
    add_inserts(sets, n, k, *next, now);
    if (next->start) parts |= part::starts;
    if (next->status) sets.statuses.add(n, next->run, to_string(next->status->status), next->status->ended_at);
    ++n;
  }
  if (!sets.facts.empty()) parts |= part::facts;
  if (!sets.changes.empty()) parts |= part::changes;
  if (!sets.inserts.empty()) parts |= part::inserts;
  if (!sets.statuses.empty()) parts |= part::statuses;
  request made{.sql = &statement_for(parts)};
  for (row_set* set : sets.sets(parts)) set->add_to(made.values);
  return made;
}

std::vector<commit_outcome> commit_speller::outcomes(const wave& commits, const wave_answer& answer) {
  const std::vector<job_id> ids = parse_ids(answer.ids);
  auto next_id = ids.begin();
  std::vector<commit_outcome> outcomes;
  for (std::size_t n = 0; n < commits.size(); ++n) {
    const commit& of = *commits[n];
    commit_outcome outcome{.applied = answer.applied.at(n) == '1'};
    // Where facts were refused, the job was not looked at.
    outcome.job_lost = touches_job(of) && answer.changed.at(n) == '0' && (outcome.applied || of.facts.empty());
    const auto end = next_id + static_cast<std::ptrdiff_t>(of.inserts.size());
    if (outcome.applied) outcome.inserted.assign(next_id, end);
    next_id = end;
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace squid_mesh::storage::postgres
