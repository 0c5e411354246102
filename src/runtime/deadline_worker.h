// The worker of jobs that end runs at their deadlines.
#pragma once

#include "jobs/node.h"
#include "jobs/worker.h"
#include "runtime/commands.h"

namespace squid_mesh::inline v1 {

class deadline_worker final : public jobs::worker {
 public:
  deadline_worker(commander& commands, jobs::node& node) : commands_(commands), node_(node) {}

  [[nodiscard]] int uncounted_attempt(const job_row& /*job*/) const override { return 0; }
  void execute(storage::claimed_job work, std::shared_ptr<jobs::slot> place) override;
  std::vector<commit> orphaned(std::span<const jobs::orphan> orphans, time_point now) override;

 private:
  commander& commands_;
  jobs::node& node_;
};

}  // namespace squid_mesh::inline v1
