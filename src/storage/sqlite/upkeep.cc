#include "storage/sqlite/upkeep.h"

#include "model/run_job.h"
#include "storage/jobless.h"

namespace squid_mesh::storage::sqlite {

std::size_t mend(writers& to, const std::string& queue, time_point now, std::size_t limit) {
  const auto branches = to.branches.jobless(limit);
  for (const jobless_branch& lost : branches) {
    const job_id job = to.jobs.insert(mending_job(lost, queue), now);
    if (lost.name) {
      to.branches.attach(lost.run, *lost.name, job);
    } else {
      to.runs.set_job(lost.run, job);
    }
  }
  const auto schedules = to.schedules.jobless(limit - branches.size());
  for (const jobless_schedule& lost : schedules) {
    const job_insert tick = tick_job(lost.workflow, lost.trigger, lost.queue, lost.next_at);
    to.schedules.set_job(lost.workflow, lost.trigger, to.jobs.insert(tick, now));
  }
  return branches.size() + schedules.size();
}

void put_schedule(writers& to, const schedule_record& what, const std::string& queue, time_point now) {
  const auto present = to.schedules.find(what.workflow, what.trigger);
  if (present && present->is.expression == what.expression && present->is.timezone == what.timezone) return;
  // A tick that is being fired at this moment finds its job taken away, and is not fired.
  if (present && present->job) to.jobs.cancel(*present->job, now);
  std::optional<job_id> job;
  if (!(present ? present->is : what).paused_at) {
    job = to.jobs.insert(tick_job(what.workflow, what.trigger, queue, what.next_at), now);
  }
  if (present) {
    to.schedules.change(what, queue, job);
  } else {
    to.schedules.insert(what, queue, job, now);
  }
}

std::optional<bool> set_schedule_paused(writers& to, std::string_view workflow, std::string_view trigger, bool paused,
                                        time_point next_at, time_point now) {
  const auto present = to.schedules.find(workflow, trigger);
  if (!present) return std::nullopt;
  if (present->is.paused_at.has_value() == paused) return false;
  if (paused) {
    if (present->job) to.jobs.cancel(*present->job, now);
    to.schedules.pause(workflow, trigger, now);
  } else {
    const job_insert tick = tick_job(std::string(workflow), std::string(trigger), present->queue, next_at);
    to.schedules.resume(workflow, trigger, to.jobs.insert(tick, now), next_at);
  }
  return true;
}

}  // namespace squid_mesh::storage::sqlite
