// Driving a run: what one worker does with a run's job, from its delivery to its end.
#pragma once

#include "base/redact.h"
#include "jobs/node.h"
#include "jobs/worker.h"
#include "progress/decide.h"
#include "runtime/workflows.h"

#include <cstddef>
#include <memory>
#include <optional>

namespace squid_mesh {

/// Sticky: goes on from step to step as long as the run has one to run now. Between a step's end and its commit no
/// thread is held; the commit's outcome posts the next task. Lives as long as such a task or commit does.
class drive : public std::enable_shared_from_this<drive> {
 public:
  drive(workflows& known, jobs::node& node, std::shared_ptr<jobs::slot> place, run_state state, redactor secrets);

  /// The job was delivered.
  void begin(const event::delivered& what);

 private:
  void on(run_event what);
  void write(decision made);
  [[nodiscard]] commit commit_of(const decision& made) const;
  void post_written(result<std::vector<commit_outcome>> outcome);
  void on_written(result<std::vector<commit_outcome>> outcome);
  void go_on(const commit_outcome& outcome);
  void run(std::size_t step);
  void run_transactional(std::size_t step);
  void end_within(std::unique_ptr<storage::unit_of_work> work, const event::succeeded& what, decision made);
  void give_back();
  void refused(error reason);
  void catch_up();
  [[nodiscard]] moment present() const;
  void log(level severity, const std::string& message) const;

  workflows& known_;
  jobs::node& node_;
  const std::shared_ptr<jobs::slot> place_;
  const redactor secrets_;
  run_state state_;
  /// The event whose commit is on its way, and that commit's decision.
  std::optional<run_event> event_;
  decision made_;
};

}  // namespace squid_mesh
