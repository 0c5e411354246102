// Connections for the transactions of steps: a few, shared by all workers.
#pragma once

#include "storage/postgres/link.h"

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace squid_mesh::storage::postgres {

/// Safe to use from several threads.
class work_pool {
 public:
  work_pool(std::string url, std::size_t limit) : url_(std::move(url)), limit_(limit) {}

  /// A link for as long as it is held.
  class lease {
   public:
    lease(work_pool& pool, std::unique_ptr<link> held) : pool_(pool), held_(std::move(held)) {}
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    ~lease() { pool_.put_back(std::move(held_)); }
    [[nodiscard]] link& to_server() const { return *held_; }

   private:
    work_pool& pool_;
    std::unique_ptr<link> held_;
  };

  /// Waits while all are in use.
  std::unique_ptr<lease> borrow();

 private:
  void put_back(std::unique_ptr<link> returned);

  const std::string url_;
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<link>> idle_;
  std::size_t lent_ = 0;
};

}  // namespace squid_mesh::storage::postgres
