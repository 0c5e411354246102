// A PgBouncer for tests.
#pragma once

#include "support/child_process.h"
#include "support/postgres_server.h"
#include "support/temporary_directory.h"

#include <filesystem>
#include <string>
#include <vector>

namespace squid_mesh::testing {

/// PgBouncer in transaction mode before a cluster, on a Unix socket of its own. It runs while the object lives, and
/// ends with this process at the latest; construct it in a thread that lives as long. Errors are thrown as
/// std::runtime_error.
class pgbouncer {
 public:
  /// `settings` are lines of the section [pgbouncer], such as `default_pool_size=1`.
  explicit pgbouncer(const std::filesystem::path& cluster = shared_cluster(),
                     const std::vector<std::string>& settings = {});

  [[nodiscard]] std::string url(const std::string& parameters = {}, const std::string& database = "postgres") const {
    return socket_url(directory_.path(), "6432", parameters, database);
  }
  /// Its process ends, and with it all connections through it.
  void kill() { process_.kill(); }

 private:
  temporary_directory directory_;
  child_process process_;
};

}  // namespace squid_mesh::testing
