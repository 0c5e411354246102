// PostgreSQL servers for tests: one that a ctest run shares, and private ones to stop and kill.
#pragma once

#include "support/temporary_directory.h"

#include <filesystem>
#include <string>
#include <vector>

namespace squid_mesh::testing {

/// The URL of a database behind a Unix socket. `parameters` are more of a URL's: `a=b&c=d`.
std::string socket_url(const std::filesystem::path& directory, const std::string& port, const std::string& parameters,
                       const std::string& database);

/// The port of a cluster of tests/postgres/cluster: a part of its socket's name even where it isn't listened on.
std::string postgres_port(const std::filesystem::path& cluster);

/// The URL of a database in such a cluster.
std::string postgres_url(const std::filesystem::path& cluster, const std::string& parameters = {},
                         const std::string& database = "postgres");

/// The directory of the cluster that ordinary tests share: that of the ctest run, or, when the program is run by hand,
/// one that it starts on first use and removes at its exit. It runs with fsync=off.
const std::filesystem::path& shared_cluster();

struct postgres_options {
  bool durable = true;                ///< false: fsync=off, for tests without power losses
  bool tcp = false;                   ///< listens on a loopback port, too
  std::vector<std::string> settings;  ///< `name=value`, as in postgresql.conf
};

/// A server that belongs to one test, which may treat it badly. It runs when constructed, and goes with all its data
/// when destroyed or when this process ends in whatever way. Errors are thrown as std::runtime_error. For one thread.
class postgres_server {
 public:
  explicit postgres_server(const postgres_options& options = {});
  postgres_server(const postgres_server&) = delete;
  postgres_server& operator=(const postgres_server&) = delete;
  ~postgres_server();

  /// Starts it again after `stop` or `kill`, where it was, with settings changed.
  void start(const std::vector<std::string>& settings = {});
  /// `mode` is that of pg_ctl: fast, smart or immediate.
  void stop(const std::string& mode = "fast");
  void restart();
  /// All its processes die at once.
  void kill();
  /// Its first process dies; the others go on until they notice, and end by themselves before this returns.
  void kill_postmaster();

  [[nodiscard]] std::string url(const std::string& parameters = {}, const std::string& database = "postgres") const {
    return postgres_url(directory(), parameters, database);
  }
  /// The URL over TCP, with its password; for a server with `tcp`.
  [[nodiscard]] std::string tcp_url(const std::string& parameters = {}, const std::string& database = "postgres") const;

  /// Runs SQL on a connection of its own: the first column of all rows, with commas between.
  [[nodiscard]] std::string query(const std::string& sql) const;
  void execute(const std::string& sql) const { static_cast<void>(query(sql)); }

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }
  /// What the server has logged.
  [[nodiscard]] std::string log() const;

 private:
  temporary_directory directory_;
};

}  // namespace squid_mesh::testing
