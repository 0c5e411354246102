// Work that nobody waits for, on a thread of its own.
#pragma once

#include <squid_mesh/time.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace squid_mesh::inline v1::jobs {

/// Calls a function again and again, from construction to destruction; each call says how long to pause after it, and
/// must not throw. Safe to use from several threads.
class background {
 public:
  explicit background(std::function<microseconds()> once);
  background(const background&) = delete;
  background& operator=(const background&) = delete;
  /// Waits for the call that is under way.
  ~background() = default;

  /// Lets no other call begin. Doesn't wait.
  void request_stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop);

  const std::function<microseconds()> once_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  ///< last, so that it ends first
};

}  // namespace squid_mesh::inline v1::jobs
