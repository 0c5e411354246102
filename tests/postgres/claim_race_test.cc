// A claim that looks at the jobs, and takes one only after others have had it in between.
#include "storage/postgres_database.h"
#include "storage/store_contract.h"
#include "support/postgres_connection.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

namespace squid_mesh::testing {
namespace {

/// Makes claims stand still once they know which jobs are available, for as long as it is closed.
class gate {
 public:
  gate(postgres_database& database)
      : keeper_(postgres_url(shared_cluster(), "options=-csearch_path%3D" + database.schema())) {
    keeper_.execute(
        "ALTER TABLE squid_mesh_paused_queues RENAME TO paused;"
        "CREATE FUNCTION gate() RETURNS boolean VOLATILE LANGUAGE sql AS"
        " $$ SELECT pg_advisory_xact_lock_shared(4711) IS NULL $$;"
        "CREATE VIEW squid_mesh_paused_queues AS SELECT * FROM paused UNION ALL SELECT 'none', now() WHERE gate()");
  }
  void close() { keeper_.execute("SELECT pg_advisory_lock(4711)"); }
  void open() { keeper_.execute("SELECT pg_advisory_unlock(4711)"); }
  void await_claim() {
    while (keeper_.query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == "0") continue;
  }

 private:
  postgres_connection keeper_;
};

TEST(claim_race, brings_a_journal_that_is_as_new_as_the_job) {
  postgres_database database;
  const auto one = database.open();
  const auto two = database.open();
  const commit start = start_of(1);
  must(one->write({.now = t0, .commits = {&start}, .stage = {}, .claims = {}, .attempted_by = {}}));
  const auto claim = [](storage::store& where, const std::string& who) {
    return must(where.write({.now = t0, .commits = {}, .stage = {}, .claims = {{"q", 1}}, .attempted_by = who}));
  };

  gate before_taking(database);
  before_taking.close();
  auto slow = std::async(std::launch::async, [&] { return claim(*one, me); });
  before_taking.await_claim();
  // The other has the job, says something about the run, and gives the job back: it looks as it did before.
  database.execute("UPDATE oban_jobs SET state = 'executing', attempt = 1");
  const commit said = facts_of(1, {completed(1)});
  must(two->write({.now = t0, .commits = {&said}, .stage = {}, .claims = {}, .attempted_by = {}}));
  database.execute("UPDATE oban_jobs SET state = 'available', attempt = 0");
  before_taking.open();

  auto claimed = slow.get().claimed;
  if (claimed.empty()) claimed = claim(*one, me).claimed;
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].run->facts.size(), 1U) << "what was said in between is missing";
}

}  // namespace
}  // namespace squid_mesh::testing
