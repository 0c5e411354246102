// The worker of jobs that fire schedules.
#pragma once

#include "cron/ticks.h"
#include "jobs/node.h"
#include "jobs/worker.h"
#include "runtime/commands.h"
#include "runtime/workflows.h"

#include <cstddef>
#include <optional>
#include <string>

namespace squid_mesh::inline v1 {

/// A tick's run, the schedule's next tick and the job that will fire it are one commit, fenced by the job: however many
/// nodes live and die, each tick starts one run.
class tick_worker final : public jobs::worker {
 public:
  /// `queue` and `max_payload_bytes`: as in `start_request`.
  tick_worker(workflows& known, commander& commands, jobs::node& node, std::string queue, std::size_t max_payload_bytes)
      : known_(known),
        commands_(commands),
        node_(node),
        queue_(std::move(queue)),
        max_payload_bytes_(max_payload_bytes) {}

  [[nodiscard]] int uncounted_attempt(const job_row& /*job*/) const override { return 0; }
  void execute(storage::claimed_job work, std::shared_ptr<jobs::slot> place) override;
  std::vector<commit> orphaned(std::span<const jobs::orphan> orphans, time_point now) override;

 private:
  struct firing;
  result<firing> plan(const job_row& job, time_point now);
  result<void> add_start(firing& made, const definition& workflow, const definition::trigger& trigger, const tick& of,
                         time_point now);

  workflows& known_;
  commander& commands_;
  jobs::node& node_;
  const std::string queue_;
  const std::size_t max_payload_bytes_;
};

/// The schedules of a workflow's cron triggers, with their next ticks. `invalid_argument` for an unknown time zone.
result<std::vector<schedule_record>> schedules_of(const definition& workflow, time_point now);

/// When a schedule fires next after an instant; far away where it never does. Errors as above.
result<time_point> next_tick(const std::string& expression, const std::string& timezone, time_point after);

/// What runs find in their context under `schedule`.
json schedule_context(const definition::trigger& trigger, const tick& of);

}  // namespace squid_mesh::inline v1
