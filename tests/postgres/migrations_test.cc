// Opening a schema: a new one is made once, one that Oban has made is shared as it is, and any other is refused.
#include "postgres/mesh_world.h"
#include "postgres/oban_tables.h"
#include "storage/postgres_database.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace squid_mesh::testing {
namespace {

class migrations : public ::testing::Test {
 protected:
  /// The refusal; none where it opens.
  std::optional<error> refusal(const std::string& parameters = {}) {
    const auto opened = try_open(database_.url() + parameters, "node", log_);
    return opened ? std::nullopt : std::optional(opened.error());
  }
  /// Everything that Oban would notice of its tables: columns, constraints, indexes, states, comment.
  std::string oban_tables() {
    return database_.query(R"sql(
      SELECT concat_ws(' ', attrelid::regclass, attnum, attname, atttypid::regtype, atttypmod, attnotnull, attidentity,
                       pg_get_expr(adbin, adrelid))
      FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid IN (to_regclass('oban_jobs'), to_regclass('oban_peers'))
      UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
      FROM pg_constraint WHERE conrelid IN (to_regclass('oban_jobs'), to_regclass('oban_peers'))
      UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass('oban_jobs')
      UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = to_regclass('oban_jobs')
      UNION ALL SELECT concat(enumsortorder, enumlabel) FROM pg_enum WHERE enumtypid = to_regtype('oban_job_state')
      UNION ALL SELECT 'comment ' || coalesce(obj_description(to_regclass('oban_jobs'), 'pg_class'), 'none')
      ORDER BY 1)sql");
  }
  std::string squid_tables() {
    return database_.query(
        "SELECT count(*) FROM pg_class WHERE relname LIKE 'squid_mesh%'"
        " AND relnamespace = '" +
        database_.schema() + "'::regnamespace");
  }
  void expect_a_run_works_through() {
    mesh worker = open_mesh(database_.url(), "node", log_);
    ASSERT_TRUE(worker.add(chain, chain_handlers(quick())));
    ASSERT_TRUE(worker.start());
    const auto started = worker.start_run(chain);
    ASSERT_TRUE(started) << to_string(started.error());
    ASSERT_TRUE(worker.await_run(started->id, 30s)) << log_.text();
    expect_completed_once(worker, started->id, 5);
  }

  postgres_database database_;
  log_book log_;
};

TEST_F(migrations, many_open_a_new_schema_at_once) {
  database_.execute("DROP SCHEMA " + database_.schema());
  constexpr int openers = 12;
  std::latch together(openers);
  std::atomic<int> opened = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(openers);
    for (int i = 0; i < openers; ++i) {
      threads.emplace_back([&] {
        together.arrive_and_wait();
        const auto refused = refusal();
        if (!refused) ++opened;
        EXPECT_FALSE(refused) << to_string(refused.value_or(error{}));
      });
    }
  }
  EXPECT_EQ(opened, openers);
  EXPECT_EQ(database_.query("SELECT count(*) FROM squid_mesh_migrations"),
            database_.query("SELECT max(version) FROM squid_mesh_migrations"));
  expect_a_run_works_through();
}

TEST_F(migrations, a_new_schema_has_obans_tables_of_version_14) {
  ASSERT_FALSE(refusal());
  EXPECT_EQ(database_.query("SELECT obj_description('oban_jobs'::regclass, 'pg_class')"), "14");
  EXPECT_EQ(database_.query("SELECT enumlabel FROM pg_enum WHERE enumtypid = 'oban_job_state'::regtype"
                            " ORDER BY enumsortorder"),
            "available,suspended,scheduled,executing,retryable,completed,discarded,cancelled");
  EXPECT_EQ(database_.query("SELECT conname FROM pg_constraint WHERE conrelid = 'oban_jobs'::regclass ORDER BY 1"),
            "attempt_range,non_negative_priority,oban_jobs_pkey,positive_max_attempts,queue_length,worker_length");
  EXPECT_EQ(database_.query("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'oban_jobs'::regclass"
                            " ORDER BY 1"),
            "oban_jobs_args_index,oban_jobs_meta_index,oban_jobs_pkey,oban_jobs_state_cancelled_at_index,"
            "oban_jobs_state_discarded_at_index,oban_jobs_state_queue_priority_scheduled_at_id_index");
  EXPECT_EQ(database_.query("SELECT relpersistence FROM pg_class WHERE oid = 'oban_peers'::regclass"), "u");
}

struct owner {
  const char* name;
  std::string tables;
};
void PrintTo(const owner& whose, std::ostream* out) { *out << whose.name; }

class tables_of_others : public migrations, public ::testing::WithParamInterface<owner> {};

TEST_P(tables_of_others, are_shared_and_left_as_they_are) {
  database_.execute(GetParam().tables);
  const std::string before = oban_tables();
  expect_a_run_works_through();
  EXPECT_EQ(oban_tables(), before);
  // Opening them again changes nothing either.
  EXPECT_FALSE(refusal());
  EXPECT_EQ(oban_tables(), before);
}

INSTANTIATE_TEST_SUITE_P(of, tables_of_others,
                         ::testing::Values(owner{"elixir_12", elixir_tables(12)}, owner{"elixir_13", elixir_tables(13)},
                                           owner{"elixir_14", elixir_tables(14)}, owner{"python", python_tables()}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_F(migrations, older_tables_of_oban_are_refused_with_what_to_do) {
  database_.execute(elixir_tables(11));
  const std::string before = oban_tables();
  const auto refused = refusal();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, errc::schema_mismatch);
  EXPECT_NE(refused->message.find("version 11"), std::string::npos) << refused->message;
  EXPECT_NE(refused->message.find("migrate it with Oban's own migrations"), std::string::npos) << refused->message;
  EXPECT_EQ(oban_tables(), before);
  EXPECT_EQ(squid_tables(), "0");
}

TEST_F(migrations, a_table_that_only_has_the_name_is_refused) {
  database_.execute("CREATE TABLE oban_jobs (id bigint)");
  const auto refused = refusal();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, errc::schema_mismatch);
  EXPECT_EQ(squid_tables(), "0");
}

TEST_F(migrations, nothing_is_migrated_where_that_is_not_wanted) {
  const auto refused = refusal("&migrate=no");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, errc::schema_mismatch);
  EXPECT_NE(refused->message.find("migrate it first"), std::string::npos) << refused->message;
  EXPECT_EQ(
      database_.query("SELECT count(*) FROM pg_class WHERE relnamespace = '" + database_.schema() + "'::regnamespace"),
      "0");
  ASSERT_FALSE(refusal());
  EXPECT_FALSE(refusal("&migrate=no")) << "it is up to date now";
}

TEST_F(migrations, its_sql_makes_a_schema_that_is_missing) {
  database_.execute("DROP SCHEMA " + database_.schema());
  database_.migrate_to(9999);
  EXPECT_FALSE(refusal("&migrate=no"));
  expect_a_run_works_through();
}

TEST_F(migrations, an_existing_schema_needs_no_right_to_create_schemas) {
  const std::string role = database_.schema() + "_owner";
  database_.execute("CREATE ROLE " + role + " LOGIN; GRANT ALL ON SCHEMA " + database_.schema() + " TO " + role);
  EXPECT_FALSE(refusal("&user=" + role));
  database_.execute("DROP OWNED BY " + role + "; DROP ROLE " + role);
}

TEST_F(migrations, a_schema_of_a_newer_library_is_refused) {
  ASSERT_FALSE(refusal());
  database_.execute("INSERT INTO squid_mesh_migrations (version, name) VALUES (9999, 'from the future')");
  for (const char* parameters : {"", "&migrate=no"}) {
    const auto refused = refusal(parameters);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code, errc::schema_mismatch);
    EXPECT_NE(refused->message.find("9999"), std::string::npos) << refused->message;
    EXPECT_NE(refused->message.find("update the program"), std::string::npos) << refused->message;
  }
}

TEST_F(migrations, bad_names_are_refused_without_the_password) {
  const std::string longest(63, 'x');
  for (const std::string& name : {std::string(), std::string("1st"), std::string("a%22b"), std::string("a;DROP"),
                                  std::string("a-b"), std::string("%C3%A9"), longest + "x"}) {
    const auto opened = try_open("postgresql://postgres:hunter2@localhost:1/postgres?schema=" + name, "node", log_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, errc::invalid_argument) << name;
    EXPECT_NE(opened.error().message.find("schema"), std::string::npos) << opened.error().message;
    EXPECT_EQ(to_string(opened.error()).find("hunter2"), std::string::npos) << to_string(opened.error());
  }
  // The name is good; nobody listens there.
  const auto unreachable =
      try_open("postgresql://postgres:hunter2@localhost:1/postgres?schema=" + longest, "node", log_);
  ASSERT_FALSE(unreachable);
  EXPECT_EQ(unreachable.error().code, errc::unavailable);
  EXPECT_EQ(to_string(unreachable.error()).find("hunter2"), std::string::npos) << to_string(unreachable.error());
}

}  // namespace
}  // namespace squid_mesh::testing
