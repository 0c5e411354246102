// What any node does for all: heartbeats, rescue, pruning.
#include "jobs/node.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1::jobs {
namespace {

constexpr std::size_t max_rescues_per_turn = 100;
/// A dead node is listed for so long: its jobs are rescued long before, but people may ask what it was.
constexpr std::chrono::hours keep_dead_nodes{24};
constexpr std::size_t max_pruned_per_turn = 2000;

}  // namespace

result<void> node::beat(time_point now) {
  const time_point asked = around_.clock->now();
  const auto seen = store_.beat({.node = settings_.identity,
                                 .now = now,
                                 .expires_at = now + settings_.lease,
                                 .forgets_before = now - keep_dead_nodes,
                                 .queues = settings_.queues});
  if (!seen) return std::unexpected(seen.error());
  around_.clock->compare(*seen, asked, around_.clock->now());
  return {};
}

/// Gives the jobs of dead nodes back, with what their workers have to say about it.
result<void> node::rescue(time_point now) {
  auto orphans = store_.find_orphans(queue_names_, now, max_rescues_per_turn);
  if (!orphans) return std::unexpected(std::move(orphans).error());
  std::map<worker*, std::vector<orphan>> by_worker;
  for (storage::claimed_job& work : *orphans) {
    const auto who = workers_.find(work.job.worker);
    if (who == workers_.end()) continue;
    around_.log(level::warning,
                "job " + to_string(work.job.id) + " is rescued from the dead node " + work.job.attempted_by);
    delivery whose = delivery_of(work.job);
    whose.is_orphan = true;
    by_worker[who->second.get()].push_back({.work = std::move(work), .whose = std::move(whose)});
  }
  for (auto& [who, lost] : by_worker) {
    for (commit& next : who->orphaned(lost, now)) {
      std::vector<commit> alone;
      alone.push_back(std::move(next));
      submit(std::move(alone), patience::persist, [](auto) {});
    }
  }
  return {};
}

result<void> node::prune(time_point now) {
  auto pruned = store_.prune_jobs(queue_names_, now - settings_.keep_finished, max_pruned_per_turn);
  if (!pruned) return std::unexpected(std::move(pruned).error());
  // A full batch means that more is waiting: go on soon, without holding up work meanwhile.
  if (*pruned >= max_pruned_per_turn) {
    std::ranges::find(duties_, "node.prune", &duty::name)->next = now + std::chrono::milliseconds(50);
  }
  return {};
}

/// Withdraws running jobs that somebody else has cancelled or taken, and those of runs that are to end. Where nothing
/// runs, nobody is asked.
result<void> node::watch(time_point /*now*/) {
  const auto ids = running();
  if (ids.empty()) return {};
  for (const auto ask : {&storage::store::not_executing, &storage::store::being_cancelled}) {
    const auto unwanted = (store_.*ask)(ids);
    if (!unwanted) return std::unexpected(unwanted.error());
    for (const job_id id : *unwanted) withdraw(id);
  }
  return {};
}

}  // namespace squid_mesh::inline v1::jobs
