// Who executes jobs: the seam between the job engine and those who know what a job is for.
#pragma once

#include "model/commit.h"
#include "storage/store.h"

#include <squid_mesh/ids.hpp>
#include <squid_mesh/time.hpp>

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1::jobs {

/// A claimed job's place among the running ones. While it lives, it takes one of its queue's slots on the node; it
/// must not outlive the node.
class slot {
 public:
  slot(squid_mesh::delivery delivery, std::function<void()> on_release)
      : delivery_(std::move(delivery)), on_release_(std::move(on_release)) {}
  slot(const slot&) = delete;
  slot& operator=(const slot&) = delete;
  ~slot() { on_release_(); }

  /// What acknowledgements of the job are fenced with.
  [[nodiscard]] const squid_mesh::delivery& delivery() const { return delivery_; }
  /// Stop is requested when the process shuts down and the grace period is over.
  [[nodiscard]] std::stop_token shutdown() const { return shutdown_.get_token(); }
  /// Stop is requested when the job was cancelled or taken by somebody else.
  [[nodiscard]] std::stop_token withdrawn() const { return withdrawn_.get_token(); }

  void request_shutdown() { shutdown_.request_stop(); }
  void withdraw() { withdrawn_.request_stop(); }

 private:
  const squid_mesh::delivery delivery_;
  const std::function<void()> on_release_;
  std::stop_source shutdown_;
  std::stop_source withdrawn_;
};

/// A job whose process died, and what its acknowledgement is fenced with.
struct orphan {
  storage::claimed_job work;
  squid_mesh::delivery whose;
};

/// Gives the jobs back as if nobody had fetched them: for workers that leave no traces before they commit.
std::vector<commit> give_back(std::span<const orphan> orphans);

/// Executes the jobs of one worker string.
class worker {
 public:
  worker() = default;
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  virtual ~worker() = default;

  /// What a delivery of this job goes back to when it doesn't count: see `delivery::uncounted_attempt`.
  [[nodiscard]] virtual int uncounted_attempt(const job_row& job) const = 0;

  /// Works on a job, on a thread of the executor. The work may go on in tasks of its own; it ends with a commit that
  /// ends the delivery, or by letting go of the slot.
  virtual void execute(storage::claimed_job work, std::shared_ptr<slot> place) = 0;

  /// What to write when the processes that executed these jobs died.
  virtual std::vector<commit> orphaned(std::span<const orphan> orphans, time_point now) = 0;
};

}  // namespace squid_mesh::inline v1::jobs
