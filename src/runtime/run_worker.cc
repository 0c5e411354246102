#include "runtime/run_worker.h"

#include "model/run_job.h"
#include "progress/payload.h"
#include "runtime/commands.h"
#include "runtime/drive.h"
#include "runtime/end_delivery.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

/// How long a run that can't be read waits before it is tried again.
constexpr std::chrono::seconds unreadable_pause{30};

std::string node_name(const std::string& attempted_by) {
  const json parts = json::parse(attempted_by, nullptr, false);
  return parts.is_array() && !parts.empty() && parts[0].is_string() ? parts[0].get<std::string>() : attempted_by;
}

error no_run(job_id job) {
  return {.code = errc::not_found, .message = "job " + to_string(job) + " names no run that exists"};
}

}  // namespace

result<std::shared_ptr<conductor>> run_worker::conduct(const journal& history) {
  if (auto good = check_is_not_imported(history.run); !good) return std::unexpected(std::move(good).error());
  auto state = known_.fold(history);
  if (!state) return std::unexpected(std::move(state).error());
  redactor secrets = secrets_of(*state, history.run);
  return std::make_shared<conductor>(known_, node_, *std::move(state), std::move(secrets));
}

/// The only branch of a run brings the journal along. Of several, those that are here share one conductor.
result<std::shared_ptr<conductor>> run_worker::conductor_for(storage::claimed_job& work, const driven_branch& branch) {
  if (branch.is == driven_branch::role::only) {
    if (!work.run) return std::unexpected(no_run(work.job.id));
    return conduct(*work.run);
  }
  const std::lock_guard lock(mutex_);
  auto& known = conducted_[branch.run];
  // One that doesn't know the branch has the run by an earlier definition.
  if (auto running = known.lock(); running && !running->has_moved() && running->branch_of(branch)) {
    running->expect(work.last_seq);
    return running;
  }
  std::erase_if(conducted_, [&](const auto& entry) { return entry.first != branch.run && entry.second.expired(); });
  auto history = node_.store().read_recent(branch.run);
  if (!history) return std::unexpected(std::move(history).error());
  auto fresh = conduct(*history);
  if (fresh) conducted_[branch.run] = *fresh;
  return fresh;
}

void run_worker::tell_dispatched(const conductor& run, const job_row& job, time_point since) const {
  if (!node_.is_heard()) return;
  node_.around().telemetry->tell({{.kind = telemetry_kind::run_dispatched,
                                   .at = since,
                                   .run = run.run(),
                                   .workflow = run.workflow().name(),
                                   .trigger = run.label().trigger,
                                   .traceparent = run.label().traceparent,
                                   .node = node_.identity().name,
                                   .job = job.id,
                                   .queue = job.queue,
                                   .duration = std::max(microseconds(0), since - job.scheduled_at)}});
}

void run_worker::execute(storage::claimed_job work, std::shared_ptr<jobs::slot> place) {
  const auto branch = driven_by(work.job);
  auto run =
      branch ? conductor_for(work, *branch) : result<std::shared_ptr<conductor>>(std::unexpected(no_run(work.job.id)));
  const auto index = run ? (*run)->branch_of(*branch) : std::nullopt;
  if (run && index) {
    const time_point since = work.job.attempted_at.value_or(node_.around().clock->now());
    tell_dispatched(**run, work.job, since);
    return std::make_shared<drive>(known_, family_, node_, *run, *index, std::move(place), work.job.queue)
        ->begin(work.job.attempt, since);
  }
  const error reason = run ? no_run(work.job.id) : std::move(run).error();
  node_.around().log(level::error, to_string(reason));
  const time_point later = node_.around().clock->now() + unreadable_pause;
  const bool is_for_nothing = reason.kind == "imported" || (reason.code == errc::not_found && !work.run);
  const auto change = is_for_nothing ? job_change{.is = job_change::kind::discard, .reason = to_string(reason)}
                                     : job_change{.is = job_change::kind::snooze, .at = later};
  end_delivery(node_, place, change);
}

/// Orphans of one run are taken over together: each on the state that the one before has left.
std::vector<commit> run_worker::orphaned(std::span<const jobs::orphan> orphans, time_point now) {
  /// What is written about a run of which jobs were lost.
  struct takeover {
    commit whole;
    std::vector<driven_branch> holders;
    run_state state;
  };
  std::map<run_id, takeover> runs;
  std::vector<commit> commits;
  for (const jobs::orphan& lost : orphans) {
    const job_row& job = lost.work.job;
    const auto branch = driven_by(job);
    const auto give_up = [&](const std::string& reason) {
      commits.emplace_back();
      commits.back().jobs.push_back({.whose = lost.whose,
                                     .change = {.is = job_change::kind::rescue, .reason = reason},
                                     .releases = std::nullopt});
    };
    if (!branch) {
      give_up(to_string(no_run(job.id)));
      continue;
    }
    auto taken = runs.find(branch->run);
    if (taken == runs.end()) {
      auto history = lost.work.run ? result<journal>(*lost.work.run) : node_.store().read_recent(branch->run);
      const auto good = history ? check_is_not_imported(history->run) : std::unexpected(history.error());
      auto state = good ? known_.fold(*history) : result<run_state>(std::unexpected(good.error()));
      if (!state) {
        give_up(to_string(state.error()));
        continue;
      }
      taken = runs.emplace(branch->run, takeover{.whole = {}, .holders = {}, .state = *std::move(state)}).first;
    }
    auto& [whole, holders, state] = taken->second;
    const auto index = branch_of(*state.definition, *branch);
    if (!index) {
      give_up(to_string(no_run(job.id)));
      continue;
    }
    const std::string node = node_name(job.attempted_by);
    const decision made =
        decide(state, event::worker_died{.branch = *index, .node = node, .since = job.attempted_at.value_or(now)},
               {.now = now, .node = node, .queue = job.queue});
    if (made.refusal) {
      give_up(to_string(*made.refusal));
      continue;
    }
    add_to(whole, state, made, lost.whose);
    holders.push_back(*branch);
  }
  for (auto& [id, entry] : runs) {
    if (entry.whole.jobs.empty()) continue;
    reconcile_wakes(entry.whole, entry.holders);
    // Without facts a commit is fenced by one job: each gets its own.
    if (!entry.whole.facts.empty() || entry.whole.jobs.size() == 1) {
      commits.push_back(std::move(entry.whole));
      continue;
    }
    for (job_step& each : entry.whole.jobs) {
      commits.push_back({.run = id});
      commits.back().jobs.push_back(std::move(each));
    }
  }
  return commits;
}

}  // namespace squid_mesh::inline v1
