#include "runtime/run_worker.h"

#include "progress/payload.h"
#include "runtime/drive.h"

#include <utility>
#include <vector>

namespace squid_mesh {
namespace {

/// How long a run that can't be read waits before it is tried again.
constexpr std::chrono::seconds unreadable_pause{30};

std::string node_name(const std::string& attempted_by) {
  const json parts = json::parse(attempted_by, nullptr, false);
  return parts.is_array() && !parts.empty() && parts[0].is_string() ? parts[0].get<std::string>() : attempted_by;
}

}  // namespace

result<run_state> run_worker::load(const storage::claimed_job& work) {
  if (!work.run) {
    return std::unexpected(
        error{.code = errc::not_found, .message = "job " + to_string(work.job.id) + " names no run that exists"});
  }
  auto workflow = known_.pinned(work.run->run.definition);
  if (!workflow) return std::unexpected(std::move(workflow).error());
  return fold(*std::move(workflow), *work.run);
}

void run_worker::execute(storage::claimed_job work, std::shared_ptr<jobs::slot> place) {
  auto state = load(work);
  if (!state) {
    const std::string reason = to_string(state.error());
    node_.around().log(level::error, reason);
    const time_point later = node_.around().clock->now() + unreadable_pause;
    const auto change = work.run ? job_change{.is = job_change::kind::snooze, .at = later}
                                 : job_change{.is = job_change::kind::discard, .reason = reason};
    std::vector<commit> commits;
    commits.push_back({.job = place->delivery(), .change = change});
    return node_.submit(std::move(commits), jobs::patience::persist, [place](auto) {});
  }
  const event::delivered what{.attempt = work.job.attempt,
                              .since = work.job.attempted_at.value_or(node_.around().clock->now())};
  redactor secrets =
      secrets_of(*state->definition, work.run->run.trigger, json::parse(work.run->run.payload, nullptr, false));
  std::make_shared<drive>(known_, node_, std::move(place), *std::move(state), std::move(secrets))->begin(what);
}

commit run_worker::orphaned(const storage::claimed_job& work, const delivery& whose, time_point now) {
  const auto state = load(work);
  if (!state) return {.job = whose, .change = {.is = job_change::kind::rescue, .reason = to_string(state.error())}};
  const std::string node = node_name(work.job.attempted_by);
  const decision made = decide(*state, event::worker_died{.node = node, .since = work.job.attempted_at.value_or(now)},
                               {.now = now, .node = node});
  return {.run = state->id, .facts = made.facts, .status = made.status, .job = whose, .change = made.job};
}

}  // namespace squid_mesh
