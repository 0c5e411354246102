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
  const auto is_announced = [&mine, seen = mine.announced] { return mine.announced != seen; };
  bool has_ended = false;
  for (;;) {
    lock.unlock();
    has_ended = ended();
    lock.lock();
    const auto now = std::chrono::steady_clock::now();
    has_ended = has_ended || is_announced();
    if (has_ended || now >= deadline) break;
    if (mine.woken.wait_until(lock, std::min(now + pause, deadline), is_announced)) {
      has_ended = true;
      break;
    }
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
