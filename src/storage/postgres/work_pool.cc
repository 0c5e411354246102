#include "storage/postgres/work_pool.h"

#include <utility>

namespace squid_mesh::storage::postgres {

std::unique_ptr<work_pool::lease> work_pool::borrow() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return lent_ < limit_; });
  ++lent_;
  std::unique_ptr<link> held;
  if (idle_.empty()) {
    held = std::make_unique<link>(url_, purpose::batches);
  } else {
    held = std::move(idle_.back());
    idle_.pop_back();
  }
  return std::make_unique<lease>(*this, std::move(held));
}

void work_pool::put_back(std::unique_ptr<link> returned) {
  {
    const std::lock_guard lock(mutex_);
    --lent_;
    idle_.push_back(std::move(returned));
  }
  returned_.notify_one();
}

}  // namespace squid_mesh::storage::postgres
