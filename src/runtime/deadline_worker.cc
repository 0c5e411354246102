#include "runtime/deadline_worker.h"

#include "model/run_job.h"
#include "runtime/end_delivery.h"

#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// How long a run that can't be read waits before it is tried again.
constexpr std::chrono::seconds unreadable_pause{30};

}  // namespace

void deadline_worker::execute(storage::claimed_job work, std::shared_ptr<jobs::slot> place) {
  const time_point now = node_.around().clock->now();
  const auto watched = driven_by(work.job);
  const auto deadline = work.run ? work.run->run.deadline : std::nullopt;
  const auto finish = [this, place, watched] { end_delivery(node_, place, {.is = job_change::kind::finish}, watched); };
  if (!watched || !deadline || is_terminal(work.run->run.status) || work.run->run.imported_at) return finish();
  if (now < *deadline) return end_delivery(node_, place, {.is = job_change::kind::snooze, .at = *deadline});
  commands_.give(watched->run, event::deadline_reached{}, [this, place, finish](const result<command_result>& given) {
    if (given) return finish();
    node_.around().log(level::error, "a run is past its deadline, and can't be ended: " + to_string(given.error()));
    const time_point later = node_.around().clock->now() + unreadable_pause;
    end_delivery(node_, place, {.is = job_change::kind::snooze, .at = later});
  });
}

std::vector<commit> deadline_worker::orphaned(std::span<const jobs::orphan> orphans, time_point /*now*/) {
  return jobs::give_back(orphans);
}

}  // namespace squid_mesh::inline v1
