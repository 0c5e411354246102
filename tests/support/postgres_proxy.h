// A proxy before a PostgreSQL server that counts round trips and loses answers.
#pragma once

#include "support/postgres_server.h"
#include "support/temporary_directory.h"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace squid_mesh::testing {

/// It listens on a Unix socket of its own while it lives, and speaks for a cluster that trusts its clients. Answers are
/// passed on once a transaction has ended, all or none. Errors are thrown as std::runtime_error.
class postgres_proxy {
 public:
  explicit postgres_proxy(const std::filesystem::path& cluster = shared_cluster());
  postgres_proxy(const postgres_proxy&) = delete;
  postgres_proxy& operator=(const postgres_proxy&) = delete;
  ~postgres_proxy();

  [[nodiscard]] std::string url(const std::string& parameters = {}, const std::string& database = "postgres") const {
    return socket_url(directory_.path(), "6543", parameters, database);
  }

  /// How often clients have sent something that they await an answer to, while they awaited none.
  [[nodiscard]] int round_trips() const { return round_trips_; }

  /// From now on, every `n`th round trip is one whose answer is lost: the server has done what it was asked when the
  /// client loses its connection. 0: none.
  void lose_every(int n) { lose_every_ = n; }
  /// How many were lost.
  [[nodiscard]] int lost() const { return lost_; }

 private:
  class conversation;
  void accept_clients();

  temporary_directory directory_;
  const std::string server_;
  int listening_ = -1;
  std::atomic<bool> over_ = false;
  std::atomic<int> round_trips_ = 0;
  std::atomic<int> lose_every_ = 0;
  std::atomic<int> lost_ = 0;
  std::vector<std::jthread> conversations_;  ///< of `acceptor_`
  std::jthread acceptor_;
};

}  // namespace squid_mesh::testing
