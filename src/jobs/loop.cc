#include "jobs/loop.h"

#include <algorithm>
#include <chrono>

namespace squid_mesh::inline v1::jobs {
namespace {

/// What ends at about the same time ends within so long of the next one.
constexpr std::chrono::microseconds moment{50};
/// No longer than a commit takes on a fast disk.
constexpr std::chrono::milliseconds longest_gathering{1};

}  // namespace

loop::loop(node& driven) : driven_(driven) {
  driven_.set_waker([this] { wake(); });
  driven_.set_driven(true);
  thread_ = std::thread([this] { run(); });
}

loop::~loop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_all();
  thread_.join();
  driven_.set_waker(nullptr);
  driven_.set_driven(false);
}

void loop::wake() {
  {
    const std::lock_guard lock(mutex_);
    if (wanted_) return;
    wanted_ = true;
  }
  woken_.notify_one();
}

bool loop::wait_until(microseconds limit, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  wake();
  std::unique_lock lock(mutex_);
  return turned_.wait_until(lock, deadline, done);
}

void loop::gather(std::unique_lock<std::mutex>& lock) {
  const auto end = std::chrono::steady_clock::now() + longest_gathering;
  auto seen = driven_.present_load();
  while (seen.submitted < seen.running && !stopping_ && std::chrono::steady_clock::now() < end) {
    // Nobody notifies: to be woken for each of them would cost more than they save.
    woken_.wait_for(lock, moment, [this] { return stopping_; });
    const auto present = driven_.present_load();
    if (present == seen) return;
    seen = present;
  }
}

void loop::run() {
  // A clock that jumps may not put the loop to sleep for long.
  constexpr microseconds longest_sleep = std::chrono::seconds(1);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (wanted_) gather(lock);
    wanted_ = false;
    lock.unlock();
    const time_point next = driven_.turn();
    const time_point now = driven_.around().clock->now();
    lock.lock();
    turned_.notify_all();
    if (next > now) {
      const microseconds sleep = next - now > longest_sleep ? longest_sleep : next - now;
      woken_.wait_for(lock, sleep, [this] { return wanted_ || stopping_; });
    }
  }
}

}  // namespace squid_mesh::inline v1::jobs
