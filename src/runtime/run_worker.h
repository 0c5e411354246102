// The worker of jobs that carry runs.
#pragma once

#include "jobs/node.h"
#include "jobs/worker.h"
#include "progress/run_state.h"
#include "runtime/workflows.h"

namespace squid_mesh {

class run_worker final : public jobs::worker {
 public:
  run_worker(workflows& known, jobs::node& node) : known_(known), node_(node) {}

  [[nodiscard]] int uncounted_attempt(const job_row& /*job*/) const override { return 0; }
  void execute(storage::claimed_job work, std::shared_ptr<jobs::slot> place) override;
  commit orphaned(const storage::claimed_job& work, const delivery& whose, time_point now) override;

 private:
  /// Folds the run that a job brought, if this process can.
  result<run_state> load(const storage::claimed_job& work);

  workflows& known_;
  jobs::node& node_;
};

}  // namespace squid_mesh
