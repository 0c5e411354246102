// Hearing of other processes' jobs: LISTEN on a connection of its own. A hint, never the only way.
#pragma once

#include "storage/postgres/link.h"
#include "storage/postgres/target.h"
#include "storage/store.h"

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace squid_mesh::storage::postgres {

/// Used by one thread at a time.
class listener {
 public:
  /// `tell` sends a notification over another connection: only what comes from there proves that it would be heard.
  listener(std::string url, const schema& tables, std::function<void(const std::string& payload)> tell);

  /// Whether there may be new jobs in one of these queues. Doesn't wait for the server, but for a connection where
  /// there is none.
  bool heard(std::span<const std::string> queues);
  [[nodiscard]] hearing state() const { return state_; }

 private:
  using clock = std::chrono::steady_clock;
  void begin();
  bool take(std::span<const std::string> queues);
  void give_up(clock::duration pause);

  link link_;
  const std::string channel_;
  const statement listen_;
  const std::function<void(const std::string&)> tell_;
  hearing state_ = hearing::unknown;
  bool listening_ = false;
  std::string token_;  ///< what the test of this moment waits for
  clock::time_point test_until_{};
  clock::time_point next_try_{};
};

/// Whether a notification that `tell` sends arrives, by a listener of its own. Waits for it, three seconds at most.
hearing try_to_hear(const std::string& url, const schema& tables, std::function<void(const std::string&)> tell);

}  // namespace squid_mesh::storage::postgres
