#include "jobs/pool.h"

#include <utility>

namespace squid_mesh::inline v1::jobs {
namespace {

/// How long a task waits for the threads that are at work before it gets one more.
constexpr std::chrono::milliseconds patience{1};

}  // namespace

pool::~pool() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  work_.notify_all();
  need_.notify_all();
  // While something is queued, threads start others; each does so before it ends, so the last one here is the last.
  std::size_t joined = 0;
  while (joined < threads_.size()) {
    std::thread ending = std::move(threads_[joined++]);
    lock.unlock();
    ending.join();
    lock.lock();
  }
}

void pool::call_for_help() {
  if (called_) {
    if (running_ < processors_) need_.notify_one();
  } else if (idle_ > 0) {
    called_ = true;
    work_.notify_one();
  } else if (threads_.size() < limit_) {
    called_ = true;
    threads_.emplace_back([this] { run(); });
  }
}

void pool::wait_for_need(std::unique_lock<std::mutex>& lock) {
  while (!queued_.empty() && running_ >= processors_) {
    const auto end = queued_.front().since + patience;
    if (std::chrono::steady_clock::now() >= end) return;
    need_.wait_until(lock, end);
  }
}

void pool::post(std::vector<task> tasks) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  for (task& next : tasks) queued_.push_back({.what = std::move(next), .since = now});
  if (!queued_.empty()) call_for_help();
}

void pool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wait_for_need(lock);
    called_ = false;
    while (!queued_.empty()) {
      task next = std::move(queued_.front().what);
      queued_.pop_front();
      ++running_;
      if (!queued_.empty()) call_for_help();
      lock.unlock();
      next();
      next = nullptr;
      lock.lock();
      --running_;
    }
    if (stopping_) return;
    ++idle_;
    work_.wait(lock);
    --idle_;
  }
}

}  // namespace squid_mesh::inline v1::jobs
