#include "mesh/awaiting.h"

#include <algorithm>

namespace squid_mesh::inline v1 {

bool awaiting::wait(const run_id& run, milliseconds timeout, const std::function<bool()>& ended) {
  // How often to look for runs that other processes end: quickly at first, for short runs.
  constexpr milliseconds longest_pause{50};
  milliseconds pause{2};
  const auto deadline = std::chrono::steady_clock::now() + timeout;

  std::unique_lock lock(mutex_);
  waiter& mine = waiters_[run];
  ++mine.waiting;
  bool has_ended = false;
  for (;;) {
    const std::uint64_t seen = mine.announced;
    lock.unlock();
    has_ended = ended();
    lock.lock();
    const auto now = std::chrono::steady_clock::now();
    if (has_ended || now >= deadline) break;
    mine.woken.wait_until(lock, std::min(now + pause, deadline), [&] { return mine.announced != seen; });
    pause = std::min(pause * 2, longest_pause);
  }
  if (--mine.waiting == 0) waiters_.erase(run);
  return has_ended;
}

void awaiting::announce(const run_id& run) {
  const std::lock_guard lock(mutex_);
  const auto found = waiters_.find(run);
  if (found == waiters_.end()) return;
  ++found->second.announced;
  found->second.woken.notify_all();
}

}  // namespace squid_mesh::inline v1
