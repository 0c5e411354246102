#include "support/pgbouncer.h"

#include <libpq-fe.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace squid_mesh::testing {
namespace {

/// Writes the configuration into `directory`, which becomes the cluster's user's.
void configure(const std::filesystem::path& directory, const std::filesystem::path& cluster,
               const std::vector<std::string>& settings, const struct stat& user) {
  std::ofstream file(directory / "pgbouncer.ini");
  file << "[databases]\n"
       << "* = host=" << cluster.string() << " port=" << postgres_port(cluster) << " user=postgres\n"
       << "[pgbouncer]\n"
       << "listen_port = 6432\n"
       << "unix_socket_dir = " << directory.string() << '\n'
       << "auth_type = any\n"
       << "pool_mode = transaction\n";
  for (const std::string& setting : settings) file << setting << '\n';
  file.close();
  if (!file || chown(directory.c_str(), user.st_uid, user.st_gid) != 0) {
    throw std::system_error(errno, std::generic_category(), "can't configure PgBouncer in " + directory.string());
  }
}

/// Starts it as the user of the cluster, as PgBouncer refuses root, too.
std::vector<std::string> command(const std::filesystem::path& directory, const std::filesystem::path& cluster,
                                 const std::vector<std::string>& settings) {
  struct stat user{};
  if (stat(cluster.c_str(), &user) != 0) throw std::system_error(errno, std::generic_category(), cluster.string());
  configure(directory, cluster, settings, user);
  std::vector<std::string> words{"/usr/bin/setpriv", "--pdeathsig", "KILL"};
  if (getuid() == 0) {
    words.insert(words.end(), {"--reuid", std::to_string(user.st_uid), "--regid", std::to_string(user.st_gid)});
    words.emplace_back("--clear-groups");
  }
  words.insert(words.end(), {"/usr/sbin/pgbouncer", (directory / "pgbouncer.ini").string()});
  return words;
}

}  // namespace

pgbouncer::pgbouncer(const std::filesystem::path& cluster, const std::vector<std::string>& settings)
    : process_(command(directory_.path(), cluster, settings), directory_ / "log") {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (PQping(url().c_str()) != PQPING_OK) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("PgBouncer doesn't answer; its log:\n" + read_text(directory_ / "log"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace squid_mesh::testing
