// The worker of jobs that cancel the children of a run.
#pragma once

#include "jobs/node.h"
#include "jobs/worker.h"
#include "runtime/commands.h"

#include <memory>

namespace squid_mesh::inline v1 {

/// Cancels the runs that a run has started and that are to be cancelled along with it, and have not ended.
class children_worker final : public jobs::worker {
 public:
  children_worker(commander& commands, jobs::node& node) : commands_(commands), node_(node) {}

  [[nodiscard]] int uncounted_attempt(const job_row& job) const override { return job.attempt - 1; }
  void execute(storage::claimed_job work, std::shared_ptr<jobs::slot> place) override;
  std::vector<commit> orphaned(std::span<const jobs::orphan> orphans, time_point now) override;

 private:
  struct round;
  void go_through(const std::shared_ptr<round>& page);

  commander& commands_;
  jobs::node& node_;
};

}  // namespace squid_mesh::inline v1
