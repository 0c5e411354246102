// The threads that run tasks.
#pragma once

#include "base/executor.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace squid_mesh::inline v1::jobs {

/// At most `limit` threads, started when there is work that no idle one can take. A thread that takes a task and sees
/// more of them wakes the next one: a burst of short tasks is done by few threads, long ones soon have a thread each.
class pool final : public executor {
 public:
  explicit pool(std::size_t limit) : limit_(limit) {}
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  /// Runs what is still queued, then ends.
  ~pool() override;

  void post(std::vector<task> tasks) override;

 private:
  void run();
  /// Wakes an idle thread, or starts one, unless one is on its way. With `mutex_` held.
  void call_for_help();

  const std::size_t limit_;

  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<task> queued_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool called_ = false;  ///< a thread was woken or started and has not come yet
  bool stopping_ = false;
};

}  // namespace squid_mesh::inline v1::jobs
