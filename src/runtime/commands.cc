#include "runtime/commands.h"

#include "model/run_job.h"

#include <optional>
#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// How often a command is decided again before its giver is told to try later.
constexpr int most_tries = 1000;

bool ends_the_run(const command_event& what) {
  return std::holds_alternative<event::cancelled>(what) || std::holds_alternative<event::deadline_reached>(what);
}

/// Whom the end of a run concerns.
struct bystanders {
  std::vector<std::size_t> idle;  ///< branches whose jobs nobody executes
  bool has_children = false;
};

command_event with(command_event what, const bystanders& who) {
  if (auto* cancel = std::get_if<event::cancelled>(&what)) {
    cancel->idle = who.idle;
    cancel->has_children = who.has_children;
  }
  if (auto* deadline = std::get_if<event::deadline_reached>(&what)) {
    deadline->idle = who.idle;
    deadline->has_children = who.has_children;
  }
  return what;
}

/// The jobs that drive a run's branches.
struct run_jobs {
  std::vector<job_id> executed;
  std::vector<job_row> others;  ///< those that wait, and those that somebody has ended
};

bool waits(const job_row& job) {
  return job.state == jobs::state::available || job.state == jobs::state::scheduled ||
         job.state == jobs::state::retryable;
}

/// Whether the branch goes on by a job.
bool needs_job(const run_state& state, std::size_t branch) {
  const auto step = state.at(branch);
  if (!step) return false;
  const bool is_lane = branch >= state.steps.size();
  return is_lane || !state.steps[*step].opened || state.steps[*step].until;
}

/// The jobs without which nobody goes on with the run. nullopt: a worker is at it, or a job is about to be replaced.
std::optional<std::vector<job_id>> idle_jobs(const run_state& state, const run_jobs& jobs) {
  if (!jobs.executed.empty()) return std::nullopt;
  std::vector<bool> has_job(state.branches.size());
  std::vector<job_id> idle;
  for (const job_row& job : jobs.others) {
    if (!waits(job)) continue;
    idle.push_back(job.id);
    if (const auto index = branch_of(*state.definition, *driven_by(job))) has_job[*index] = true;
  }
  for (std::size_t i = 0; i < has_job.size(); ++i) {
    if (needs_job(state, i) && !has_job[i]) return std::nullopt;
  }
  return idle;
}

result<run_jobs> look_at_jobs(storage::store& store, const run_id& run) {
  auto jobs = store.jobs_of_run(run);
  if (!jobs) return std::unexpected(std::move(jobs).error());
  run_jobs found;
  for (job_row& job : *jobs) {
    const auto branch = driven_by(job);
    if (!branch || branch->is == driven_branch::role::deadline) continue;
    job.state == jobs::state::executing ? found.executed.push_back(job.id) : found.others.push_back(std::move(job));
  }
  return found;
}

result<bystanders> bystanders_of(storage::store& store, const run_state& state, const run_jobs& jobs) {
  bystanders who;
  for (const job_row& job : jobs.others) {
    if (const auto index = branch_of(*state.definition, *driven_by(job))) who.idle.push_back(*index);
  }
  const auto children = store.list_runs({.statuses = uncancelled, .parent = state.id, .limit = 1}, std::nullopt);
  if (!children) return std::unexpected(children.error());
  who.has_children = !children->empty();
  return who;
}

}  // namespace

result<void> check_is_not_imported(const run_record& run) {
  if (!run.imported_at) return {};
  return std::unexpected(
      error{.code = errc::conflict,
            .message = "run " + to_string(run.id) + " was imported to be looked at: nothing changes it",
            .kind = "imported"});
}

/// A command as it would be given now.
struct commander::plan {
  commit change;  ///< without facts: there is nothing to change
  command_result outcome;
  std::vector<job_id> to_stop;  ///< jobs that somebody executes who is to stop
};

result<commander::plan> commander::decide_now(const run_id& run, command_event what) {
  storage::store& store = node_.store();
  auto* const move = std::get_if<event::migrated>(&what);
  const auto history = move != nullptr ? store.read_run(run) : store.read_recent(run);
  if (!history) return std::unexpected(history.error());
  if (auto good = check_is_not_imported(history->run); !good) return std::unexpected(std::move(good).error());
  auto state = known_.fold(*history);
  if (!state) return std::unexpected(std::move(state).error());
  run_jobs jobs;
  if (move != nullptr || ends_the_run(what)) {
    auto found = look_at_jobs(store, run);
    if (!found) return std::unexpected(std::move(found).error());
    jobs = *std::move(found);
  }
  plan made;
  if (move != nullptr) {
    auto idle = idle_jobs(*state, jobs);
    move->is_executed = !idle;
    move->state = migrated(*state, *history, move->to, move->steps);
    if (idle) made.change.idle = *std::move(idle);
  } else if (ends_the_run(what)) {
    const auto who = bystanders_of(store, *state, jobs);
    if (!who) return std::unexpected(who.error());
    what = with(std::move(what), *who);
    made.to_stop = std::move(jobs.executed);
  }
  decision decided = decide(*state, what, {.now = node_.around().clock->now(), .node = node_.identity().name});
  if (decided.refusal) return std::unexpected(*std::move(decided.refusal));
  made.outcome = {.repeated = decided.repeated, .status = state->status()};
  add_to(made.change, *state, decided, std::nullopt);
  return made;
}

void commander::stop_workers(const std::vector<job_id>& jobs) {
  for (const job_id job : jobs) node_.withdraw(job);
}

result<command_result> commander::give(const run_id& run, const command_event& what) {
  for (int i = 0; i < most_tries; ++i) {
    auto made = decide_now(run, what);
    if (!made) return std::unexpected(std::move(made).error());
    if (made->change.facts.empty()) return made->outcome;
    std::vector<commit> commits;
    commits.push_back(std::move(made->change));
    auto written = node_.write(std::move(commits));
    if (!written) return std::unexpected(std::move(written).error());
    if (!written->front().applied) continue;
    stop_workers(made->to_stop);
    return made->outcome;
  }
  return std::unexpected(error{
      .code = errc::unavailable, .message = "others change the run all the time: try again later", .retryable = true});
}

void commander::give(const run_id& run, const command_event& what, std::function<void(result<command_result>)> done) {
  auto made = decide_now(run, what);
  if (!made) return done(std::unexpected(std::move(made).error()));
  if (made->change.facts.empty()) return done(made->outcome);
  std::vector<commit> commits;
  commits.push_back(std::move(made->change));
  node_.submit(
      std::move(commits), jobs::patience::persist,
      [this, run, what, done = std::move(done), outcome = made->outcome,
       to_stop = std::move(made->to_stop)](result<std::vector<commit_outcome>> written) mutable {
        if (!written) return done(std::unexpected(std::move(written).error()));
        if (written->front().applied) {
          stop_workers(to_stop);
          return done(outcome);
        }
        std::vector<task> tasks;
        tasks.emplace_back([this, run, what, again = std::move(done)]() mutable { give(run, what, std::move(again)); });
        node_.around().tasks->post(std::move(tasks));
      });
}

}  // namespace squid_mesh::inline v1
