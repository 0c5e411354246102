// Jobs that a function of the host handles.
#pragma once

#include "jobs/node.h"
#include "jobs/worker.h"

#include <squid_mesh/jobs.hpp>

namespace squid_mesh::inline v1::jobs {

class plain_worker final : public worker {
 public:
  plain_worker(node& owner, job_handler handler) : owner_(owner), handler_(std::move(handler)) {}

  [[nodiscard]] int uncounted_attempt(const job_row& job) const override { return job.attempt - 1; }
  void execute(storage::claimed_job work, std::shared_ptr<slot> place) override;
  std::vector<commit> orphaned(std::span<const orphan> orphans, time_point now) override;

 private:
  [[nodiscard]] outcome handle(const job_row& row, const slot& place) const;
  [[nodiscard]] job_change change_for(const job_row& row, outcome how, const slot& place) const;

  node& owner_;
  const job_handler handler_;
};

}  // namespace squid_mesh::inline v1::jobs
