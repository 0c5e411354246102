#include "support/postgres_server.h"

#include "support/child_process.h"
#include "support/postgres_connection.h"

#include <unistd.h>

#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace squid_mesh::testing {
namespace {

/// Runs tests/postgres/cluster; throws what it says when it fails.
void cluster(std::vector<std::string> arguments, const std::vector<std::string>& more = {}) {
  const temporary_directory scratch;
  arguments.insert(arguments.begin(), SQUID_MESH_CLUSTER_SCRIPT);
  arguments.insert(arguments.end(), more.begin(), more.end());
  child_process script(std::move(arguments), scratch / "output");
  if (script.wait() != 0) throw std::runtime_error(read_text(scratch / "output"));
}

std::string line(const std::filesystem::path& file, int number) {
  std::ifstream lines(file);
  std::string text;
  while (number-- > 0 && std::getline(lines, text)) continue;
  if (!lines) throw std::runtime_error("can't read " + file.string());
  return text;
}

std::string url_of(std::string text, const std::string& parameters, char separator) {
  if (!parameters.empty()) text += separator + parameters;
  return text;
}

/// Where the fixture of this ctest run, the parent of this process, has put its cluster; see tests/postgres/fixture.
std::filesystem::path cluster_of_ctest() {
  const auto record = std::filesystem::path(SQUID_MESH_CLUSTER_RECORDS) / std::to_string(getppid());
  if (!std::filesystem::exists(record)) return {};
  std::filesystem::path directory = line(record, 1);
  if (!std::filesystem::exists(directory)) directory.clear();
  return directory;
}

}  // namespace

std::string socket_url(const std::filesystem::path& directory, const std::string& port, const std::string& parameters,
                       const std::string& database) {
  const std::string url = "postgresql://postgres@/" + database + "?host=" + directory.string() + "&port=" + port;
  return url_of(url, parameters, '&');
}

std::string postgres_port(const std::filesystem::path& cluster) { return line(cluster / "port", 1); }

std::string postgres_url(const std::filesystem::path& cluster, const std::string& parameters,
                         const std::string& database) {
  return socket_url(cluster, postgres_port(cluster), parameters, database);
}

const std::filesystem::path& shared_cluster() {
  static const std::filesystem::path given = cluster_of_ctest();
  if (!given.empty()) return given;
  static const postgres_server own({.durable = false});
  return own.directory();
}

postgres_server::postgres_server(const postgres_options& options) {
  std::vector<std::string> command{"start", "--owner", std::to_string(getpid())};
  if (options.tcp) command.emplace_back("--tcp");
  command.push_back(directory().string());
  if (!options.durable) command.insert(command.end(), {"fsync=off", "full_page_writes=off"});
  cluster(std::move(command), options.settings);
}

postgres_server::~postgres_server() {
  try {
    cluster({"remove", directory().string()});
  } catch (const std::exception& error) {
    std::cerr << "a PostgreSQL server of the tests is left behind: " << error.what() << '\n';
  }
}

// NOLINTBEGIN(readability-make-member-function-const): they change the server.
void postgres_server::start(const std::vector<std::string>& settings) {
  cluster({"start", directory().string()}, settings);
}
void postgres_server::stop(const std::string& mode) { cluster({"stop", directory().string(), mode}); }
void postgres_server::restart() { cluster({"restart", directory().string()}); }
void postgres_server::kill() { cluster({"kill", directory().string()}); }
void postgres_server::kill_postmaster() { cluster({"kill", directory().string(), "postmaster"}); }
// NOLINTEND(readability-make-member-function-const)

std::string postgres_server::tcp_url(const std::string& parameters, const std::string& database) const {
  const std::string port = postgres_port(directory());
  const std::string password = line(directory() / "password", 1);
  return url_of("postgresql://postgres:" + password + "@127.0.0.1:" + port + "/" + database, parameters, '?');
}

std::string postgres_server::query(const std::string& sql) const { return postgres_connection(url()).query(sql); }

std::string postgres_server::log() const { return read_text(directory() / "log"); }

}  // namespace squid_mesh::testing
