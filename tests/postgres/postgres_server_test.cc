// The servers that other tests stand on: they keep what was committed, and leave nothing behind.
#include "support/postgres_server.h"

#include "storage/postgres_database.h"
#include "support/child_process.h"
#include "support/pgbouncer.h"
#include "support/postgres_connection.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace squid_mesh::testing {
namespace {

using std::filesystem::exists;

/// The process of the server in a cluster.
pid_t postmaster(const postgres_server& server) {
  pid_t pid = 0;
  std::ifstream(server.directory() / "data" / "postmaster.pid") >> pid;
  return pid;
}

/// Whether a process runs; one that has ended and that nobody has waited for doesn't.
bool runs(pid_t pid) {
  std::string state;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  while (status >> state && state != "State:") continue;
  return status >> state && state != "Z";
}

TEST(postgres_server, is_durable_and_has_what_the_tests_rely_on) {
  const postgres_server server;
  const auto setting = [&](const std::string& name) { return server.query("SHOW " + name); };
  EXPECT_EQ(setting("fsync"), "on");
  EXPECT_EQ(setting("synchronous_commit"), "on");
  EXPECT_EQ(setting("autovacuum"), "on");
  EXPECT_EQ(setting("timezone"), "UTC");
  EXPECT_EQ(setting("max_connections"), "100");
  EXPECT_EQ(setting("listen_addresses"), "");
  server.execute("CREATE EXTENSION pg_stat_statements");
  EXPECT_NE(server.query("SELECT count(*) FROM pg_stat_statements"), "0");
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(server.directory()).permissions(), perms::owner_all);
}

TEST(postgres_server, keeps_what_was_committed_when_it_is_killed) {
  postgres_server server;
  server.execute("CREATE TABLE kept (n int)");
  server.execute("INSERT INTO kept SELECT generate_series(1, 3)");
  postgres_connection open(server.url());
  open.execute("BEGIN; INSERT INTO kept VALUES (4)");
  const pid_t first = postmaster(server);
  server.kill();
  EXPECT_FALSE(runs(first));
  EXPECT_THROW(open.execute("COMMIT"), std::runtime_error);
  EXPECT_THROW(server.execute("SELECT 1"), std::runtime_error);
  server.kill();  // The dead can't be killed.

  server.start({"work_mem=1MB"});
  EXPECT_EQ(server.query("SELECT n FROM kept"), "1,2,3");
  EXPECT_EQ(server.query("SHOW work_mem"), "1MB");
  EXPECT_NE(server.log().find("automatic recovery"), std::string::npos);
}

TEST(postgres_server, keeps_what_was_committed_when_only_its_postmaster_is_killed) {
  postgres_server server({.durable = false});
  server.execute("CREATE TABLE kept AS SELECT 1 AS n");
  postgres_connection open(server.url());
  const auto session = static_cast<pid_t>(std::stoi(open.query("SELECT pg_backend_pid()")));
  const pid_t first = postmaster(server);
  server.kill_postmaster();
  EXPECT_FALSE(runs(first));
  EXPECT_FALSE(runs(session));
  EXPECT_THROW(open.execute("SELECT 1"), std::runtime_error);
  server.start();
  EXPECT_EQ(server.query("SELECT n FROM kept"), "1");
  EXPECT_NE(server.log().find("automatic recovery"), std::string::npos);
}

TEST(postgres_server, stops_and_starts_where_it_was) {
  postgres_server server({.durable = false, .tcp = true, .settings = {"work_mem=2MB"}});
  const std::string tcp = server.tcp_url("application_name=me");
  EXPECT_EQ(postgres_connection(tcp).query("SHOW application_name"), "me");
  EXPECT_EQ(server.query("SELECT current_setting('fsync') || current_setting('work_mem')"), "off2MB");
  for (const char* mode : {"fast", "immediate"}) {
    server.stop(mode);
    server.stop(mode);
    EXPECT_THROW(server.execute("SELECT 1"), std::runtime_error);
    server.start();
    server.start();
  }
  server.restart();
  EXPECT_EQ(server.query("SHOW work_mem"), "2MB");
  EXPECT_EQ(server.tcp_url("application_name=me"), tcp);
  EXPECT_EQ(postgres_connection(tcp).query("SELECT 1"), "1");
  EXPECT_THROW(postgres_connection(std::string(tcp).replace(tcp.find("postgres:") + 9, 3, "bad")), std::runtime_error);
}

TEST(postgres_server, leaves_nothing_behind) {
  std::filesystem::path directory;
  pid_t pid = 0;
  {
    const postgres_server server({.durable = false});
    directory = server.directory();
    pid = postmaster(server);
    EXPECT_TRUE(exists(directory));
    EXPECT_TRUE(runs(pid));
  }
  EXPECT_FALSE(exists(directory));
  EXPECT_FALSE(runs(pid));
}

TEST(postgres_server, that_cannot_start_says_why) {
  try {
    const postgres_server server({.durable = false, .settings = {"no_such_setting=1"}});
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("no_such_setting"), std::string::npos) << error.what();
  }
}

// -- The script beneath

/// Runs the script: its exit code.
int cluster(std::vector<std::string> arguments, const std::filesystem::path& output) {
  arguments.insert(arguments.begin(), SQUID_MESH_CLUSTER_SCRIPT);
  return child_process(std::move(arguments), output).wait();
}

TEST(cluster, goes_with_its_owner) {
  const temporary_directory scratch;
  child_process owner({"/bin/sleep", "1000"}, scratch / "owner");
  const temporary_directory place;
  const std::string directory = place.path();
  ASSERT_EQ(cluster({"start", "--owner", std::to_string(owner.pid()), directory, "fsync=off"}, scratch / "output"), 0)
      << read_text(scratch / "output");
  pid_t server = 0;
  std::ifstream(directory + "/data/postmaster.pid") >> server;
  ASSERT_TRUE(runs(server));
  owner.kill();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (exists(directory) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_FALSE(exists(directory));
  EXPECT_FALSE(runs(server));
}

TEST(cluster, touches_no_directory_that_is_not_its_own) {
  const temporary_directory scratch;
  const temporary_directory mine;
  std::ofstream(mine / "precious") << "text";
  for (const char* command : {"start", "remove"}) {
    EXPECT_EQ(cluster({command, mine.path()}, scratch / "output"), 1) << command;
    EXPECT_NE(read_text(scratch / "output").find(mine.path().string()), std::string::npos);
  }
  EXPECT_EQ(read_text(mine / "precious"), "text");
}

TEST(cluster, says_when_a_path_is_too_long_for_a_socket) {
  const temporary_directory scratch;
  const std::string deep = scratch / std::string(90, 'x');
  EXPECT_EQ(cluster({"start", deep}, scratch / "output"), 1);
  EXPECT_NE(read_text(scratch / "output").find("too long a path"), std::string::npos);
  EXPECT_FALSE(exists(deep));
}

// -- What tests build upon it

TEST(postgres_database, is_a_schema_of_its_own_until_it_ends) {
  std::string name;
  postgres_connection outside(postgres_url(shared_cluster()));
  const auto tables = [&] { return outside.query("SELECT schemaname FROM pg_tables WHERE tablename = 'mine'"); };
  {
    postgres_database one;
    postgres_database two;
    name = one.schema();
    one.execute("CREATE TABLE mine (n int); INSERT INTO mine VALUES (1), (2)");
    EXPECT_EQ(one.query("SELECT n FROM mine ORDER BY n"), "1,2");
    EXPECT_THROW(two.query("SELECT n FROM mine"), std::runtime_error);
    EXPECT_EQ(tables(), name);
    EXPECT_TRUE(one.url().ends_with("&schema=" + name)) << one.url();
  }
  EXPECT_EQ(tables(), "");
  EXPECT_EQ(outside.query("SELECT count(*) FROM pg_namespace WHERE nspname = '" + name + "'"), "0");
}

TEST(pgbouncer, gives_each_transaction_any_connection) {
  const pgbouncer pool(shared_cluster(), {"default_pool_size=1"});
  postgres_connection one(pool.url());
  postgres_connection two(pool.url("application_name=two"));
  EXPECT_EQ(one.query("SELECT pg_backend_pid()"), two.query("SELECT pg_backend_pid()"));
  EXPECT_EQ(two.query("SHOW application_name"), "two");
}

TEST(pgbouncer, drops_its_clients_when_it_is_killed) {
  pgbouncer pool;
  postgres_connection client(pool.url());
  client.execute("SELECT 1");
  pool.kill();
  EXPECT_THROW(client.execute("SELECT 1"), std::runtime_error);
  EXPECT_THROW(postgres_connection(pool.url()), std::runtime_error);
}

}  // namespace
}  // namespace squid_mesh::testing
