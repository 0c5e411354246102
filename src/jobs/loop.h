// The thread that takes a node's turns.
#pragma once

#include "jobs/node.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace squid_mesh::inline v1::jobs {

/// Takes a turn whenever the node wants one, from construction to destruction.
class loop {
 public:
  explicit loop(node& driven);
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;
  ~loop();

  /// Waits until `done` holds after a turn, or `limit` has passed; says whether it holds.
  bool wait_until(microseconds limit, const std::function<bool()>& done);

 private:
  void run();
  /// While what runs ends in quick succession, waits for the next one: what is written together costs less.
  void gather(std::unique_lock<std::mutex>& lock);
  void wake();

  node& driven_;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::condition_variable turned_;
  bool wanted_ = true;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace squid_mesh::inline v1::jobs
