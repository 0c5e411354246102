// The server goes away, refuses, and loses answers, while work goes on: nothing is lost and nothing is done twice.
#include "postgres/mesh_world.h"
#include "support/postgres_connection.h"
#include "support/postgres_proxy.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <random>

namespace squid_mesh::testing {
namespace {

int shell(const std::string& command) {
  return std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe): no other thread waits for children.
}

/// A mesh that works while faults are made.
class connection_faults : public ::testing::Test {
 protected:
  postgres_server& server(const postgres_options& options = {}) { return server_.emplace(options); }

  void work_on(const std::string& url) {
    mesh_.emplace(open_mesh(url, "node", log_));
    ASSERT_TRUE(mesh_->add(chain, chain_handlers(make_handler([](const json&, step_context& context) {
                             std::this_thread::sleep_for(1ms);
                             return json{{"attempt", context.attempt()}};
                           }))));
    ASSERT_TRUE(mesh_->start({.queues = {{"squid_mesh", 4}}, .lease = 2s, .poll = 100ms}));
  }

  /// Starts one run more; while there are faults, that may be refused, or nobody knows.
  bool start_one() {
    const auto started = mesh_->start_run(chain);
    if (started) started_.push_back(started->id);
    if (!started) {
      EXPECT_TRUE(started.error().code == errc::unavailable || started.error().code == errc::in_doubt ||
                  started.error().code == errc::storage)
          << to_string(started.error());
    }
    return started.has_value();
  }
  /// Starts `how_many` more, as long as it takes.
  void start_many(int how_many) {
    for (int i = 0; i < how_many; ++i) ASSERT_TRUE(eventually([this] { return start_one(); })) << log_.text();
  }

  /// Everything that was started ends, once; nothing else is left.
  void expect_all_is_well(postgres_connection& database) {
    EXPECT_TRUE(eventually([this] { return start_one(); })) << log_.text();
    for (const run_id& id : started_) {
      ASSERT_TRUE(eventually([&] { return mesh_->await_run(id, 1s).has_value(); })) << log_.text();
      expect_completed_once(*mesh_, id, 5);
    }
    const std::string executing = "SELECT count(*) FROM oban_jobs WHERE state NOT IN ('completed')";
    EXPECT_TRUE(eventually([&] { return database.query(executing) == "0"; })) << log_.text();
    EXPECT_TRUE(log_.warns()) << "the faults passed unnoticed";
    EXPECT_EQ(database.query("SELECT count(*) FROM squid_mesh_runs WHERE status <> 'completed'"), "0");
    mesh_.reset();
  }
  [[nodiscard]] int runs_started() const { return static_cast<int>(started_.size()); }

  std::optional<postgres_server> server_;
  log_book log_;
  std::optional<mesh> mesh_;

 private:
  std::vector<run_id> started_;
};

TEST_F(connection_faults, terminated_sessions) {
  const postgres_server& tested = server({.durable = false});
  work_on(tested.url());
  postgres_connection assassin(tested.url());
  std::mt19937 chance(7);  // NOLINT(bugprone-random-generator-seed): failures are to be repeatable
  for (int i = 0; i < 40; ++i) {
    start_one();
    std::this_thread::sleep_for(std::chrono::microseconds(chance() % 20'000));
    assassin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND random() < 0.7");
  }
  EXPECT_GE(runs_started(), 5);
  expect_all_is_well(assassin);
}

TEST_F(connection_faults, a_server_that_is_restarted_and_killed) {
  postgres_server& tested = server();
  work_on(tested.url());
  start_many(20);
  tested.stop("immediate");
  start_one();
  tested.start();
  start_many(20);
  tested.kill();
  start_one();
  tested.start();
  start_many(5);
  postgres_connection database(tested.url());
  expect_all_is_well(database);
  EXPECT_GE(runs_started(), 46);
}

/// A step whose server says farewell, and is gone when the step wants to commit.
inline constexpr auto booking = workflow({
    .name = "test.booking",
    .triggers = {{.name = "manual"}},
    .steps = {{"book", bound_action, {.transactional = true}}},
    .transitions = {{"book", on::ok, complete}},
});

TEST_F(connection_faults, a_server_that_ends_during_a_transactional_step) {
  postgres_server& tested = server({.durable = false});
  mesh_.emplace(open_mesh(tested.url(), "node", log_));
  ASSERT_TRUE(mesh_->add(booking, {{"book", make_handler([&](const json&, step_context& context) {
                                      if (context.attempt() == 1) {
                                        tested.stop("immediate");
                                        tested.start();
                                      }
                                    })}}));
  ASSERT_TRUE(mesh_->start({.poll = 100ms}));
  const auto run = mesh_->start_run(booking);
  ASSERT_TRUE(run);
  ASSERT_TRUE(eventually([&] { return mesh_->await_run(run->id, 1s).has_value(); })) << log_.text();
  expect_completed_once(*mesh_, run->id, 1);
  const auto attempts = mesh_->inspect_run(run->id, {.include_history = true})->attempts;
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].status, attempt_status::interrupted) << "it is not the step's fault";
  mesh_.reset();
}

TEST_F(connection_faults, statements_that_time_out) {
  const postgres_server& tested = server({.durable = false});
  tested.execute("ALTER ROLE postgres SET statement_timeout = '300ms'");
  work_on(tested.url());
  start_many(5);
  {
    postgres_connection other(tested.url());
    other.execute("SET statement_timeout = 0");
    other.execute("BEGIN; LOCK TABLE oban_jobs IN ACCESS EXCLUSIVE MODE");
    EXPECT_FALSE(start_one());
    EXPECT_TRUE(eventually([this] { return log_.has("statement timeout"); })) << log_.text();
    other.execute("COMMIT");
  }
  start_many(5);
  postgres_connection database(tested.url());
  expect_all_is_well(database);
}

TEST_F(connection_faults, no_connections_left) {
  const postgres_server& tested =
      server({.durable = false, .settings = {"max_connections=10", "superuser_reserved_connections=0"}});
  work_on(tested.url());
  start_many(5);
  postgres_connection database(tested.url());
  {
    std::vector<std::unique_ptr<postgres_connection>> greedy;
    const auto take_all = [&] {
      try {
        for (;;) greedy.push_back(std::make_unique<postgres_connection>(tested.url()));
      } catch (const std::runtime_error&) {
        return;
      }
    };
    take_all();
    // They take the places of the sessions that end; they themselves have never asked anything.
    database.query(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND query <> '' AND pid <> pg_backend_pid()");
    take_all();
    EXPECT_TRUE(eventually([&] {
      take_all();
      start_one();
      return log_.has("too many clients") || log_.has("connection slots");
    })) << log_.text();
  }
  start_many(5);
  expect_all_is_well(database);
}

TEST_F(connection_faults, lost_answers) {
  const postgres_server& tested = server({.durable = false});
  postgres_proxy proxy(tested.directory());
  work_on(proxy.url());
  proxy.lose_every(7);
  for (int i = 0; i < 40; ++i) start_one();
  EXPECT_TRUE(eventually([&] {
    start_one();
    return proxy.lost() >= 20;
  })) << log_.text();
  proxy.lose_every(0);
  postgres_connection database(tested.url());
  // Starts in doubt happened or not; either way there is one run of each that was confirmed.
  expect_all_is_well(database);
  EXPECT_EQ(database.query("SELECT count(*) FROM (SELECT run_id, step FROM squid_mesh_events"
                           " WHERE kind = 'step_completed' GROUP BY run_id, step HAVING count(*) > 1) twice"),
            "0");
}

/// A small file system for a server's tables.
class small_disk {
 public:
  explicit small_disk(const char* size) {
    if (::mount("none", place_.path().c_str(), "tmpfs", 0, size) == 0) mounted_ = true;
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (mounted_) ::umount2(place_.path().c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::filesystem::path path() const { return place_.path(); }

 private:
  temporary_directory place_;
  bool mounted_ = false;
};

TEST_F(connection_faults, a_full_disk) {
  const small_disk disk("size=24m,mode=777");
  if (!disk.mounted()) {
    ASSERT_NE(::geteuid(), 0U) << "root can't mount a small file system here, which this test needs";
    GTEST_SKIP() << "only root can mount a small file system";
  }
  const postgres_server& tested = server({.durable = false});
  const auto home = disk.path() / "space";
  std::filesystem::create_directory(home);
  const std::string like_data = "chown --reference=" + (tested.directory() / "data").string() + " ";
  ASSERT_EQ(shell(like_data + home.string() + " " + disk.path().string() + " && chmod 700 " + home.string()), 0);
  tested.execute("CREATE TABLESPACE small LOCATION '" + home.string() + "'");
  tested.execute("ALTER ROLE postgres SET default_tablespace = small");
  work_on(tested.url());
  start_many(5);
  const std::string filler = disk.path() / "filler";
  EXPECT_NE(shell("dd if=/dev/zero of=" + filler + " bs=4096 2>/dev/null"), 0) << "it goes on until the disk is full";
  EXPECT_TRUE(eventually([&] {
    start_one();
    return log_.has("No space left on device");
  })) << log_.text();
  std::filesystem::remove(filler);
  start_many(5);
  postgres_connection database(tested.url());
  expect_all_is_well(database);
}

}  // namespace
}  // namespace squid_mesh::testing
