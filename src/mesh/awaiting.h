// Waiting for runs to end: woken by this process's own commits, and looking now and then for those of others.
#pragma once

#include "model/commit.h"

#include <squid_mesh/ids.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <unordered_map>

namespace squid_mesh::inline v1 {

/// Safe to use from several threads.
class awaiting {
 public:
  /// Waits until this process has ended the run, or `ended` holds, or `timeout` has passed; false for that. It is asked
  /// at the beginning, and every few milliseconds.
  bool wait(const run_id& run, milliseconds timeout, const std::function<bool()>& ended);

  /// A commit of this process ended the run.
  void announce(const run_id& run);

 private:
  struct waiter {
    std::condition_variable woken;
    std::uint64_t announced = 0;
    int waiting = 0;
  };

  std::mutex mutex_;
  std::unordered_map<run_id, waiter> waiters_;
};

}  // namespace squid_mesh::inline v1
