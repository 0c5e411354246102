#include "runtime/commands.h"

#include "model/run_job.h"

#include <optional>
#include <string>
#include <utility>

namespace squid_mesh {
namespace {

/// How often a command is decided again before its giver is told to try later.
constexpr int most_tries = 1000;

bool asks_who_works(const command_event& what) {
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
  std::vector<job_id> executed;  ///< jobs of the run that somebody executes: whoever does is to stop
};

result<commander::plan> commander::decide_now(const run_id& run, const command_event& what) {
  storage::store& store = node_.store();
  auto history = store.read_run(run);
  if (!history) return std::unexpected(std::move(history).error());
  if (auto good = check_is_not_imported(history->run); !good) return std::unexpected(std::move(good).error());
  auto state = known_.fold(*history);
  if (!state) return std::unexpected(std::move(state).error());
  plan made;
  bystanders who;
  if (asks_who_works(what)) {
    const auto jobs = store.jobs_of_run(run);
    if (!jobs) return std::unexpected(jobs.error());
    for (const job_row& job : *jobs) {
      const auto branch = driven_by(job);
      if (!branch || branch->is == driven_branch::role::deadline) continue;
      if (job.state == jobs::state::executing) {
        made.executed.push_back(job.id);
      } else if (const auto index = branch_of(*state->definition, *branch)) {
        who.idle.push_back(*index);
      }
    }
    const auto children = store.list_runs({.statuses = uncancelled, .parent = run, .limit = 1}, std::nullopt);
    if (!children) return std::unexpected(children.error());
    who.has_children = !children->empty();
  }
  decision decided =
      decide(*state, with(what, who), {.now = node_.around().clock->now(), .node = node_.identity().name});
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
    stop_workers(made->executed);
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
       executed = std::move(made->executed)](result<std::vector<commit_outcome>> written) mutable {
        if (!written) return done(std::unexpected(std::move(written).error()));
        if (written->front().applied) {
          stop_workers(executed);
          return done(outcome);
        }
        std::vector<task> tasks;
        tasks.emplace_back([this, run, what, again = std::move(done)]() mutable { give(run, what, std::move(again)); });
        node_.around().tasks->post(std::move(tasks));
      });
}

}  // namespace squid_mesh
