// The schema from the command line: who may change it, and who may not.
#include "cli/cli_world.h"
#include "support/temporary_directory.h"

#include <filesystem>

namespace squid_mesh::testing {
namespace {

class migrating : public commands {
 protected:
  std::string version() { return database_->query("SELECT max(version) || '' FROM squid_mesh_migrations"); }
};

TEST_P(migrating, makes_the_schema_and_says_how_far_it_is) {
  const int wanted = must(inspect_schema(database_->url())).wanted;
  const said before = run({"migrate", "status"});
  EXPECT_EQ(before.code, static_cast<int>(exit_code::failed));
  EXPECT_TRUE(before.says("has version 0, this program wants " + std::to_string(wanted))) << before.out;
  EXPECT_TRUE(before.says("0001_initial") || before.says("initial")) << before.out;
  database_->migrate_to(2);
  EXPECT_FALSE(run({"migrate", "status"}).says("initial"));
  const json applied = told({"migrate", "up"});
  EXPECT_EQ(applied.at("applied").size(), static_cast<std::size_t>(wanted) - 2);
  EXPECT_EQ(applied.at("up_to_date"), true);
  EXPECT_EQ(run({"migrate", "status"}).code, 0);
  EXPECT_EQ(run({"migrate"}).out, "The schema is up to date.\n");
  database_->execute("INSERT INTO squid_mesh_migrations (version, name) VALUES (9999, 'from the future')");
  EXPECT_EQ(run({"migrate", "status"}).code, static_cast<int>(exit_code::unavailable));
  EXPECT_EQ(run({"migrate", "up"}).code, static_cast<int>(exit_code::unavailable));
}

TEST_P(migrating, prints_sql_that_does_the_same) {
  const json all = told({"migrate", "print"}).at("migrations");
  EXPECT_EQ(run({"migrate", "status"}).code, static_cast<int>(exit_code::failed)) << "printing changes nothing";
  for (const json& each : all) database_->execute(each.at("sql").get<std::string>());
  EXPECT_EQ(run({"migrate", "status"}).code, 0);
  EXPECT_EQ(run({"runs", "list"}).code, 0);
  const said text = run({"migrate", "print", "--after", "1"});
  EXPECT_TRUE(text.says("CREATE TABLE")) << text.out;
  EXPECT_FALSE(text.says("Migration 1 ")) << text.out;
}

TEST_P(migrating, is_what_no_other_command_does) {
  database_->migrate_to(1);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"runs", "list"},
                                                                                     {"runs", "start", "w"},
                                                                                     {"queues", "list"},
                                                                                     {"queues", "pause", "q"},
                                                                                     {"jobs", "list"},
                                                                                     {"nodes", "list"},
                                                                                     {"schedules", "list"},
                                                                                     {"doctor"}}) {
    const said made = run(words);
    EXPECT_EQ(version(), "1") << words.at(0) << " " << made.err;
    if (words.at(0) == "doctor") continue;
    EXPECT_EQ(made.code, static_cast<int>(exit_code::unavailable)) << words.at(0);
    EXPECT_TRUE(made.warns("migrate it first")) << made.err;
    EXPECT_TRUE(made.warns("`migrate up`")) << made.err;
  }
}

INSTANTIATE_TEST_SUITE_P(on, migrating, both_databases(), database_name);

TEST(migrating_files, makes_them_where_it_is_asked_for_alone) {
  const temporary_directory directory;
  const std::string url = directory.database("new.db");
  EXPECT_EQ(run_command({"--database", url, "runs", "list"}).code, static_cast<int>(exit_code::not_found));
  EXPECT_EQ(run_command({"--database", url, "migrate", "status"}).code, static_cast<int>(exit_code::failed));
  EXPECT_FALSE(std::filesystem::exists(directory / "new.db"));
  EXPECT_EQ(run_command({"--database", url, "migrate"}).code, 0);
  EXPECT_EQ(run_command({"--database", url, "runs", "list"}).code, 0);
  EXPECT_EQ(
      run_command({"--database", url.substr(0, 7) + "file:" + (directory / "no.db").string(), "runs", "list"}).code,
      static_cast<int>(exit_code::failed));
  EXPECT_FALSE(std::filesystem::exists(directory / "no.db"));
}

}  // namespace
}  // namespace squid_mesh::testing
