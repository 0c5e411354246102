// The threads that run tasks.
#pragma once

#include "base/executor.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace squid_mesh::inline v1::jobs {

/// At most `limit` threads, started when there is work that no idle one can take. A thread that takes a task and sees
/// more of them wakes the next one. Where every processor has one, that one waits a moment whether the others are done
/// soon: a burst of short tasks is done by few threads, long ones soon have a thread each.
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
  /// Returns when there is nothing left to take, or when the next task is to have one more thread. With `mutex_` held.
  void wait_for_need(std::unique_lock<std::mutex>& lock);
  /// Wakes an idle thread, or starts one, unless one is on its way. With `mutex_` held.
  void call_for_help();

  struct queued_task {
    task what;
    std::chrono::steady_clock::time_point since;
  };

  const std::size_t limit_;
  const std::size_t processors_ = std::max(1U, std::thread::hardware_concurrency());

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable need_;
  std::deque<queued_task> queued_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  std::size_t running_ = 0;  ///< tasks
  bool called_ = false;      ///< a thread was woken or started and has not taken anything yet
  bool stopping_ = false;
};

}  // namespace squid_mesh::inline v1::jobs
