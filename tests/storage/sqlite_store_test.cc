// What is special about SQLite: rows in the form that Oban's own engine for SQLite writes, and files that aren't ours.
#include "storage/sqlite_database.h"

#include <squid_mesh/json.hpp>

#include <gtest/gtest.h>

#include <fstream>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;

constexpr time_point noon{std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + 12h};
const std::string me = R"(["n1","11111111-1111-7111-8111-111111111111"])";
const std::vector<std::string> queues{"q"};

commit rescue_of(const job_row& job) {
  commit rescue;
  rescue.jobs.push_back({.whose = {.job = job.id, .attempt = job.attempt, .holder = job.holder},
                         .change = {.is = job_change::kind::rescue, .reason = "died"}});
  return rescue;
}

class oban_lite : public ::testing::Test {
 protected:
  storage::batch_outcome round(time_point now) {
    return store->write({.now = now, .stage = queues, .claims = {{"q", 10}}, .attempted_by = me}).value();
  }

  sqlite_memory database;
  std::unique_ptr<storage::store> store = database.open();
};

TEST_F(oban_lite, rows_with_times_in_whole_seconds_are_staged_when_they_are_due) {
  database.execute(
      "INSERT INTO oban_jobs (state, queue, worker, scheduled_at)"
      " VALUES ('scheduled', 'q', 'w', '2026-11-22T12:00:00Z')");
  EXPECT_TRUE(round(noon - 1us).claimed.empty());
  // Compared as text, 12:00:00Z comes after 12:00:00.5: within its second, a round may be too early for it.
  const auto claimed = round(noon + 1s).claimed;
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].job.scheduled_at, noon);
}

TEST_F(oban_lite, rows_with_the_tables_defaults_are_worked_on) {
  database.execute("INSERT INTO oban_jobs (queue, worker) VALUES ('q', 'w')");
  const auto claimed = round(noon).claimed;
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].job.args, "{}");
  EXPECT_EQ(claimed[0].job.errors, "[]");
}

TEST_F(oban_lite, a_job_that_names_only_its_node_is_rescued) {
  database.execute(
      "INSERT INTO oban_jobs (state, queue, worker, attempt, attempted_at, attempted_by)"
      " VALUES ('executing', 'q', 'w', 1, '2026-11-22T12:00:00Z', '[\"host\"]')");
  const auto orphans = store->find_orphans(queues, noon + 60s, 10).value();
  ASSERT_EQ(orphans.size(), 1U);
  const job_row& job = orphans[0].job;
  const commit rescue = rescue_of(job);
  EXPECT_TRUE(store->write({.now = noon + 60s, .commits = {&rescue}}).value().commits[0].applied);
  EXPECT_EQ(store->read_job(job.id).value().state, jobs::state::available);
}

TEST_F(oban_lite, a_job_that_names_nobody_is_rescued_too) {
  database.execute("INSERT INTO oban_jobs (state, queue, worker, attempt) VALUES ('executing', 'q', 'w', 1)");
  const auto orphans = store->find_orphans(queues, noon, 10).value();
  ASSERT_EQ(orphans.size(), 1U);
  const job_row& job = orphans[0].job;
  const commit rescue = rescue_of(job);
  EXPECT_TRUE(store->write({.now = noon, .commits = {&rescue}}).value().commits[0].applied);
}

TEST(sqlite_store, a_file_that_is_no_database_is_refused) {
  const temporary_file file;
  std::ofstream(file.path()) << std::string(4096, 'x');
  const auto refused = storage::open("sqlite:" + file.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::storage);
}

TEST(sqlite_store, a_path_that_cannot_be_opened_is_named) {
  const auto refused = storage::open("sqlite:/nonexistent/directory/x.db");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("/nonexistent/directory/x.db"), std::string::npos);
}

TEST(sqlite_store, other_urls_are_refused_without_repeating_their_passwords) {
  for (const char* url : {"", "sqlite:", "mysql://user:hush@host/db", "hush"}) {
    const auto refused = storage::open(url);
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().code, errc::invalid_argument);
  }
  EXPECT_EQ(storage::open("mysql://user:hush@host/db").error().message.find("hush"), std::string::npos);
}

TEST(sqlite_store, a_database_in_memory_is_refused) {
  const auto refused = storage::open("sqlite::memory:");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
  EXPECT_NE(refused.error().message.find("two connections"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace squid_mesh::testing
