// The worker of jobs that carry runs.
#pragma once

#include "jobs/node.h"
#include "jobs/worker.h"
#include "progress/run_state.h"
#include "runtime/children.h"
#include "runtime/conductor.h"
#include "runtime/workflows.h"

#include <memory>
#include <mutex>
#include <unordered_map>

namespace squid_mesh::inline v1 {

class run_worker final : public jobs::worker {
 public:
  run_worker(workflows& known, children& family, jobs::node& node) : known_(known), family_(family), node_(node) {}

  [[nodiscard]] int uncounted_attempt(const job_row& /*job*/) const override { return 0; }
  void execute(storage::claimed_job work, std::shared_ptr<jobs::slot> place) override;
  std::vector<commit> orphaned(std::span<const jobs::orphan> orphans, time_point now) override;

 private:
  result<std::shared_ptr<conductor>> conductor_for(storage::claimed_job& work, const driven_branch& branch);
  result<std::shared_ptr<conductor>> conduct(const journal& history);
  void tell_dispatched(const conductor& run, const job_row& job, time_point since) const;

  workflows& known_;
  children& family_;
  jobs::node& node_;

  std::mutex mutex_;
  /// Runs with several branches that this node works on.
  std::unordered_map<run_id, std::weak_ptr<conductor>> conducted_;
};

}  // namespace squid_mesh::inline v1
