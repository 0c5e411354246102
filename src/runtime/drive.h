// Driving one branch of a run: what a worker does with its job, from its delivery to its end.
#pragma once

#include "jobs/node.h"
#include "jobs/worker.h"
#include "runtime/children.h"
#include "runtime/conductor.h"
#include "runtime/workflows.h"

#include <cstddef>
#include <memory>
#include <string>

namespace squid_mesh::inline v1 {

/// Sticky: goes on from step to step as long as the branch has one to run now. Between a step's end and its commit no
/// thread is held; the conductor says when to go on. Lives as long as somebody may say so.
class drive final : public performer, public std::enable_shared_from_this<drive> {
 public:
  drive(workflows& known, children& family, jobs::node& node, std::shared_ptr<conductor> run, std::size_t branch,
        std::shared_ptr<jobs::slot> place, std::string queue);

  /// The job was delivered.
  void begin(int attempt, time_point since);

  [[nodiscard]] const jobs::slot& place() const override { return *place_; }
  [[nodiscard]] const std::string& queue() const override { return queue_; }
  [[nodiscard]] std::size_t branch() const override { return branch_; }
  void perform(next_attempt what) override;

 private:
  void perform_transactional(std::size_t step);
  void give_back();

  workflows& known_;
  children& family_;
  jobs::node& node_;
  const std::shared_ptr<conductor> run_;
  const std::size_t branch_;
  const std::shared_ptr<jobs::slot> place_;
  const std::string queue_;
};

}  // namespace squid_mesh::inline v1
