#include "jobs/pool.h"

#include <utility>

namespace squid_mesh::inline v1::jobs {

pool::~pool() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  work_.notify_all();
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
  if (called_) return;
  if (idle_ > 0) {
    called_ = true;
    work_.notify_one();
  } else if (threads_.size() < limit_) {
    called_ = true;
    threads_.emplace_back([this] { run(); });
  }
}

void pool::post(std::vector<task> tasks) {
  const std::lock_guard lock(mutex_);
  for (task& next : tasks) queued_.push_back(std::move(next));
  if (!queued_.empty()) call_for_help();
}

void pool::run() {
  std::unique_lock lock(mutex_);
  called_ = false;
  for (;;) {
    if (queued_.empty()) {
      if (stopping_) return;
      ++idle_;
      work_.wait(lock);
      --idle_;
      called_ = false;
      continue;
    }
    task next = std::move(queued_.front());
    queued_.pop_front();
    if (!queued_.empty()) call_for_help();
    lock.unlock();
    next();
    next = nullptr;
    lock.lock();
  }
}

}  // namespace squid_mesh::inline v1::jobs
