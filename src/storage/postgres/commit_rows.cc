#include "storage/postgres/commit_rows.h"

#include "storage/branch_name.h"
#include "storage/error_element.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

using role = driven_branch::role;

const std::vector<column> job_columns{{"state", element::text},
                                      {"queue", element::text},
                                      {"worker", element::text},
                                      {"args", element::text},
                                      {"meta", element::text},
                                      {"tags", element::text},
                                      {"priority", element::integer},
                                      {"max_attempts", element::integer},
                                      {"attempt", element::integer},
                                      {"inserted_at", element::timestamp},
                                      {"scheduled_at", element::timestamp}};

/// Of the run that starts with a job, if one does.
const std::vector<column> start_columns{
    {"run_id", element::uuid},          {"workflow", element::text},        {"definition", element::text},
    {"trigger_name", element::text},    {"payload", element::text},         {"started_at", element::timestamptz},
    {"run_queue", element::text},       {"run_priority", element::integer}, {"start_key", element::text},
    {"deadline", element::timestamptz}, {"origin", element::text},          {"parent_id", element::uuid},
    {"is_only", element::boolean}};

/// What else changes in the row of the run whose only branch the job is to drive.
const std::vector<column> run_columns{
    {"status", element::text}, {"ended_at", element::timestamptz}, {"released", element::bigint}};

void add_job(row_set& set, const job_insert& job, time_point now) {
  set.add_more(jobs::to_string(job.scheduled_at ? jobs::state::scheduled : jobs::state::available), job.queue,
               job.worker, job.args, job.meta, job.tags, job.priority, job.max_attempts, job.attempt, now,
               job.scheduled_at.value_or(now));
}

std::optional<std::string_view> non_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
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

bool is_of_start(const commit& what, const job_insert& job) {
  return what.start && job.drives && job.drives->run == what.start->id;
}

bool drives_only(const job_insert& job) { return job.drives && job.drives->is == role::only; }

/// The job with which the run's row is written: its only one, or else the first.
const job_insert* carrier_of_start(const commit& what) {
  if (!what.start) return nullptr;
  if (what.inserts.empty()) throw std::logic_error("a run begins without a job");
  const auto only = std::ranges::find_if(
      what.inserts, [&](const job_insert& job) { return is_of_start(what, job) && drives_only(job); });
  return only == what.inserts.end() ? &what.inserts.front() : &*only;
}

/// Whether the job is to drive a branch, and that isn't said by the row of a run that begins.
bool is_attached(const commit& what, const job_insert& job) {
  return job.drives && !(is_of_start(what, job) && drives_only(job));
}

/// Whether the branch that the step releases gets another job at once.
bool is_replaced(const commit& what, const driven_branch& released) {
  return std::ranges::any_of(what.inserts, [&](const job_insert& job) { return job.drives == released; });
}

/// The job that the run's row is to forget.
std::optional<std::int64_t> released_from_run(const commit& what) {
  for (const job_step& step : what.jobs) {
    if (step.releases && step.releases->is == role::only) return step.whose.job.value;
  }
  return std::nullopt;
}

/// Whether a step's release is a row of its own. Where all branches lose theirs, or this one is overwritten, it isn't.
bool releases_row(const commit& what, const job_step& step) {
  return step.releases && step.releases->is != role::only && !what.retires_jobs && !is_replaced(what, *step.releases);
}

}  // namespace

std::string_view fence_of(const commit& what) {
  if (!what.facts.empty()) return by_facts;
  if (!what.jobs.empty()) return by_job;
  return what.start ? by_start : by_nothing;
}

unsigned parts_of(const commit& what) {
  unsigned parts = 0;
  const auto with = [&parts](bool has, part which) { parts |= has ? which : 0U; };
  with(!what.facts.empty(), part::facts);
  with(what.facts.size() > 1, part::further_facts);
  with(what.may_follow_end(), part::late_facts);
  with(std::ranges::any_of(what.jobs, [&](const job_step& step) { return touches_job(what, step); }), part::changes);
  with(!what.inserts.empty(), part::inserts);
  with(std::ranges::any_of(what.inserts, [&](const job_insert& job) { return is_attached(what, job); }),
       part::attachments);
  with(what.start.has_value(), part::starts);
  with(what.start && !what.start->start_key.empty(), part::keyed_starts);
  with(what.start && fence_of(what) != by_start, part::fenced_starts);
  with(what.status.has_value(), part::statuses);
  if (released_from_run(what)) parts |= part::statuses | part::run_releases;
  with(std::ranges::any_of(what.jobs, [&](const job_step& step) { return releases_row(what, step); }),
       part::branch_releases);
  with(!what.wakes.empty(), part::wakes);
  with(what.retires_jobs, part::retirements);
  with(what.schedule.has_value(), part::ticks);
  with(what.keeps.has_value(), part::snapshots);
  with(!what.pins.empty(), part::pins);
  with(!what.idle.empty(), part::idles);
  return parts;
}

bool may_be_trusted(const commit& what) {
  constexpr unsigned allowed = part::facts | part::further_facts | part::changes | part::statuses | part::run_releases |
                               part::branch_releases | part::inserts | part::starts;
  const bool is_plain_start = fence_of(what) == by_start && what.start->start_key.empty();
  return (!what.facts.empty() || is_plain_start) && (parts_of(what) & ~allowed) == 0;
}

void row_set::extend(const std::vector<column>& columns) {
  for (const column& c : columns) {
    columns_.push_back(c);
    arrays_.emplace_back(c.type);
  }
}

std::string row_set::clause(int& next) const {
  std::string types;
  std::string names;
  for (const column& c : columns_) {
    const char* separator = types.empty() ? "" : ", ";
    types += separator + ("$" + std::to_string(next++)) + "::" + std::string(to_string(c.type)) + "[]";
    names += separator + std::string(c.name);
  }
  return std::string(name_) + " AS (SELECT * FROM unnest(" + types + ") AS " + name_ + " (" + names + "))";
}

/// What a commit changes in the row of its run, until something carries it there.
struct wave_rows::run_change {
  std::optional<status_change> status;
  std::optional<std::int64_t> released;

  [[nodiscard]] bool empty() const { return !status && !released; }
  void add_to(row_set& set) {
    set.add_more(status ? std::optional(to_string(status->status)) : std::nullopt,
                 status ? status->ended_at : std::nullopt, released);
    *this = {};
  }
};

wave_rows::wave_rows(unsigned parts)
    : parts_(parts),
      commits_("c", {{"n", element::integer}, {"fence", element::text}, {"run_id", element::uuid}}),
      facts_("f", {{"run_id", element::uuid},
                   {"seq", element::bigint},
                   {"is_first", element::boolean},
                   {"kind", element::text},
                   {"step", element::text},
                   {"at", element::timestamptz},
                   {"started_at", element::timestamptz},
                   {"node", element::text},
                   {"data", element::text}}),
      changes_("j", {{"n", element::integer},
                     {"run_id", element::uuid},
                     {"id", element::bigint},
                     {"attempt", element::integer},
                     {"holder", element::text},
                     {"state", element::text},
                     {"rescues", element::boolean},
                     {"scheduled_at", element::timestamp},
                     {"ended_at", element::timestamp},
                     {"new_attempt", element::integer},
                     {"error", element::text}}),
      inserts_("i", {{"n", element::integer}, {"k", element::integer}}),
      statuses_("s", {{"n", element::integer}, {"run_id", element::uuid}}),
      releases_(
          "x",
          {{"n", element::integer}, {"run_id", element::uuid}, {"branch", element::text}, {"job_id", element::bigint}}),
      wakes_("w",
             {{"n", element::integer}, {"k", element::integer}, {"run_id", element::uuid}, {"branch", element::text}}),
      retirements_("t", {{"n", element::integer}, {"run_id", element::uuid}, {"now", element::timestamp}}),
      ticks_("h", {{"n", element::integer},
                   {"workflow", element::text},
                   {"trigger_name", element::text},
                   {"next_at", element::timestamptz},
                   {"last_at", element::timestamptz},
                   {"last_run", element::uuid}}),
      snapshots_(
          "kept",
          {{"n", element::integer}, {"run_id", element::uuid}, {"seq", element::bigint}, {"state", element::text}}),
      pins_("pinned", {{"n", element::integer}, {"run_id", element::uuid}, {"definition", element::text}}),
      idles_("idle", {{"run_id", element::uuid}, {"id", element::bigint}}) {
  if ((parts & part::late_facts) != 0) facts_.extend({{"is_late", element::boolean}});
  inserts_.extend(job_columns);
  if ((parts & part::starts) != 0) inserts_.extend(start_columns);
  if ((parts & part::fenced_starts) != 0) inserts_.extend({{"starting", element::uuid}});
  if ((parts & part::attachments) != 0) {
    inserts_.extend({{"drives", element::uuid}, {"branch", element::text}});
    inserts_.extend(run_columns);
  }
  statuses_.extend(run_columns);
  wakes_.extend(job_columns);
  wakes_.extend(run_columns);
}

void wave_rows::add(std::int32_t n, const commit& what, time_point now) {
  if ((parts_ & part::trusting) == 0) {
    const std::string_view fence = fence_of(what);
    commits_.add(n, fence, fence == by_start ? what.start->id : what.run);
  }
  for (const fact& next : what.facts) {
    facts_.add(what.run, next.seq, &next == &what.facts.front(), to_string(next.kind), next.step, next.at,
               next.started_at, next.node, non_empty(next.data));
    if ((parts_ & part::late_facts) != 0) facts_.add_more(may_follow_end(next.kind));
  }
  run_change change{.status = what.status, .released = released_from_run(what)};
  for (const job_step& step : what.jobs) {
    if (touches_job(what, step)) add_change(n, what, step, now);
    if (releases_row(what, step)) {
      releases_.add(n, step.releases->run, branch_name(*step.releases), step.whose.job.value);
    }
  }
  for (const job_insert& job : what.inserts) add_insert(n, what, job, change, now);
  for (const job_insert& job : what.wakes) add_wake(n, what, job, change, now);
  if (!change.empty()) {
    statuses_.add(n, what.run);
    change.add_to(statuses_);
  }
  if (what.retires_jobs) retirements_.add(n, what.run, now);
  if (const auto& tick = what.schedule) {
    ticks_.add(n, tick->workflow, tick->trigger, tick->next_at, tick->last_at, tick->last_run);
  }
  if (what.keeps) snapshots_.add(n, what.run, what.keeps->seq, what.keeps->text);
  if (!what.pins.empty()) pins_.add(n, what.run, what.pins);
  for (const job_id job : what.idle) idles_.add(what.run, job.value);
}

void wave_rows::add_change(std::int32_t n, const commit& what, const job_step& step, time_point now) {
  using kind = job_change::kind;
  const kind is = step.change.is;
  const bool delayed = is == kind::snooze || is == kind::retry;
  const bool uncounted = is == kind::snooze || is == kind::give_back;
  const bool failed = is == kind::retry || is == kind::rescue || is == kind::discard || is == kind::cancel;
  const bool ends = is == kind::finish || is == kind::rescue || is == kind::discard || is == kind::cancel;
  changes_.add(n, what.facts.empty() ? std::nullopt : std::optional(what.run), step.whose.job.value, step.whose.attempt,
               step.whose.holder, jobs::to_string(state_after(is)), is == kind::rescue,
               delayed ? std::optional(step.change.at) : std::nullopt, ends ? std::optional(now) : std::nullopt,
               uncounted ? std::optional(std::int32_t{step.whose.uncounted_attempt}) : std::nullopt,
               failed ? std::optional(error_element(step.whose.attempt, now, step.change.reason)) : std::nullopt);
}

void wave_rows::add_insert(std::int32_t n, const commit& what, const job_insert& job, run_change& change,
                           time_point now) {
  inserts_.add(n, inserted_++);
  add_job(inserts_, job, now);
  if ((parts_ & part::starts) != 0) {
    const run_record* run = carrier_of_start(what) == &job ? &*what.start : nullptr;
    const auto of_run = [run](auto member) { return run == nullptr ? std::nullopt : std::optional(run->*member); };
    const auto text_of_run = [run](auto member) { return run == nullptr ? std::nullopt : non_empty(run->*member); };
    inserts_.add_more(of_run(&run_record::id), of_run(&run_record::workflow), of_run(&run_record::definition),
                      of_run(&run_record::trigger), of_run(&run_record::payload), of_run(&run_record::started_at),
                      of_run(&run_record::queue), of_run(&run_record::priority), text_of_run(&run_record::start_key),
                      run == nullptr ? std::nullopt : run->deadline, text_of_run(&run_record::origin),
                      run == nullptr ? std::nullopt : run->parent, drives_only(job));
  }
  if ((parts_ & part::fenced_starts) != 0) {
    inserts_.add_more(is_of_start(what, job) ? std::optional(what.start->id) : std::nullopt);
  }
  if ((parts_ & part::attachments) == 0) return;
  const bool attached = is_attached(what, job);
  const auto branch = attached ? branch_name(*job.drives) : std::nullopt;
  inserts_.add_more(attached ? std::optional(job.drives->run) : std::nullopt, branch);
  run_change none;
  (attached && !branch ? change : none).add_to(inserts_);
}

void wave_rows::add_wake(std::int32_t n, const commit& what, const job_insert& job, run_change& change,
                         time_point now) {
  if (!job.drives) throw std::logic_error("a job is to wake nothing");
  const auto branch = branch_name(*job.drives);
  wakes_.add(n, woken_++, job.drives->run, branch);
  add_job(wakes_, job, now);
  run_change none;
  // The row that it changes may be another run's.
  (branch || job.drives->run != what.run ? none : change).add_to(wakes_);
}

std::vector<row_set*> wave_rows::sets() {
  std::vector<row_set*> used;
  if ((parts_ & part::trusting) == 0) used.push_back(&commits_);
  const auto use = [&](part which, row_set& set) {
    if ((parts_ & which) != 0) used.push_back(&set);
  };
  use(part::facts, facts_);
  use(part::changes, changes_);
  use(part::inserts, inserts_);
  use(part::statuses, statuses_);
  use(part::branch_releases, releases_);
  use(part::wakes, wakes_);
  use(part::retirements, retirements_);
  use(part::ticks, ticks_);
  use(part::snapshots, snapshots_);
  use(part::pins, pins_);
  use(part::idles, idles_);
  return used;
}

}  // namespace squid_mesh::storage::postgres
