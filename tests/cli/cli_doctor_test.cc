// Problems made for real, which the doctor has to find, with what to do about each.
#include "cli/cli_world.h"
#include "postgres/oban_tables.h"
#include "support/pgbouncer.h"
#include "support/temporary_directory.h"

#include <squid_mesh/jobs.hpp>

#include <fstream>

namespace squid_mesh::testing {
namespace {

constexpr int wrong = static_cast<int>(exit_code::failed);

constexpr auto slow = workflow({
    .name = "test.slow",
    .queue = "slow",
    .triggers = {{.name = "manual"}},
    .steps = {{"work", bound_action}},
    .transitions = {{"work", on::ok, complete}},
});

constexpr auto nightly = workflow({
    .name = "test.nightly",
    .triggers = {{.name = "night", .schedule = cron{"0 2 * * *"}}},
    .steps = {{"work", bound_action}},
    .transitions = {{"work", on::ok, complete}},
});

constexpr auto saga = workflow({
    .name = "test.saga",
    .triggers = {{.name = "manual"}},
    .steps = {{"reserve", bound_action, {.compensate = bound_action}}, {"pay", bound_action}},
    .transitions = {{"reserve", on::ok, "pay"}, {"pay", on::ok, complete}},
});

/// What the doctor has said.
struct examination {
  int code = 0;
  json findings;

  [[nodiscard]] bool is_healthy() const { return code == 0; }
  /// What it has found of this kind, not that it found nothing; null where that is so.
  [[nodiscard]] json about(const std::string& check) const {
    for (const json& each : findings) {
      if (each.at("check") == check && each.at("severity") != "ok") return each;
    }
    return nullptr;
  }
  [[nodiscard]] std::string text() const { return findings.dump(2); }
};

bool advises(const json& finding, const std::string& command) {
  if (!finding.is_object() || !finding.contains("commands")) return false;
  const auto& commands = finding.at("commands");
  return std::ranges::find(commands, json(command)) != commands.end();
}
bool says(const json& finding, const std::string& text) {
  if (!finding.is_object()) return false;
  return (finding.value("summary", "") + " " + finding.value("advice", "")).find(text) != std::string::npos;
}

examination examine(const std::string& url, std::vector<std::string> options = {}) {
  options.insert(options.begin(), {"--database", url, "--json", "doctor"});
  const said made = run_command(std::move(options));
  return {.code = made.code, .findings = made.document().at("findings")};
}

class doctor : public commands {
 protected:
  examination examined(std::vector<std::string> options = {}) { return examine(database_->url(), std::move(options)); }
  /// Examines until there is such a finding: others bring it about.
  json comes_to(const std::string& check, const std::vector<std::string>& options = {}) {
    json found;
    if (!until([&] { return !(found = examined(options).about(check)).is_null(); })) {
      ADD_FAILURE() << "no " << check << ": " << examined(options).text();
    }
    return found;
  }
  bool gets_well() {
    return until([&] { return examined().is_healthy(); });
  }
  [[nodiscard]] bool is_postgres() const { return database_->url().starts_with("postgres"); }

  static handler quick() {
    return make_handler([](const json&) { return json::object(); });
  }
  static handler failing() {
    return make_handler([](const json&) -> result<json> { return std::unexpected(permanent("the bank is closed")); });
  }
  /// A mesh that knows the workflow and doesn't work.
  mesh idle(const declaration& workflow, std::map<std::string, handler> handlers) {
    mesh host = open("idle");
    must(host.add(workflow, std::move(handlers)));
    return host;
  }
  /// One that works, on another queue than the runs'.
  mesh working_elsewhere() {
    mesh host = open("elsewhere");
    must(host.start({.queues = {{"elsewhere", 3}}}));
    return host;
  }
  time_point now() { return std::chrono::floor<microseconds>(std::chrono::system_clock::now()); }
  storage::heartbeat beat(const std::string& name, time_point at, microseconds lease = 10s) {
    return {.node = {.name = name, .id = "0190a0b0-0000-7000-8000-000000000001"},
            .now = at,
            .expires_at = at + lease,
            .queues = {{"squid_mesh", 10}}};
  }
};

TEST_P(doctor, finds_nothing_where_nothing_is_wrong) {
  const mesh host = working();
  waiting_order(host);
  const examination seen = examined();
  EXPECT_EQ(seen.code, 0) << seen.text();
  for (const json& each : seen.findings) EXPECT_EQ(each.at("severity"), "ok") << each.dump();
  EXPECT_GE(seen.findings.size(), 12U);
  const said text = run({"doctor"});
  EXPECT_TRUE(text.says("Nothing is wrong.")) << text.out;
  EXPECT_TRUE(text.says("1 process works on this database.")) << text.out;
  EXPECT_TRUE(text.says("No run needs help: 1 that has not ended was looked at.")) << text.out;
}

TEST_P(doctor, finds_that_nobody_works) {
  mesh host = idle(slow, {{"work", quick()}});
  EXPECT_EQ(examined().about("no_workers").at("severity"), "notice") << "there is nothing to work on";
  EXPECT_EQ(examined().code, 0);
  must(host.start_run(slow));
  const examination seen = examined();
  EXPECT_EQ(seen.code, wrong);
  const json none = seen.about("no_workers");
  EXPECT_EQ(none.at("severity"), "error");
  EXPECT_TRUE(says(none, "wait on queue \"slow\"")) << none.dump();
  EXPECT_TRUE(advises(none, "PROGRAM work")) << none.dump();
  const said text = run({"doctor"});
  EXPECT_TRUE(text.says("ERROR    No process works on this database")) << text.out;
  EXPECT_TRUE(text.says("Found: 1 error.")) << text.out;
  must(host.start({.queues = {{"slow"}}}));
  EXPECT_TRUE(gets_well());
}

TEST_P(doctor, finds_a_queue_on_which_nobody_works) {
  mesh host = idle(slow, {{"work", quick()}});
  must(host.start());
  must(host.start_run(slow));
  const examination seen = examined();
  EXPECT_EQ(seen.code, wrong);
  const json found = seen.about("queue_without_workers");
  EXPECT_EQ(found.at("severity"), "error") << seen.text();
  EXPECT_EQ(found.at("subject"), "slow");
  EXPECT_TRUE(says(found, "1 due job waits on queue \"slow\"")) << found.dump();
  EXPECT_TRUE(advises(found, "PROGRAM work --queue slow")) << found.dump();
}

TEST_P(doctor, leaves_queues_of_other_programs_to_them) {
  const mesh host = working();
  run({"jobs", "enqueue", "MyApp.Mailer", "--queue", "mailers"});
  const examination seen = examined();
  EXPECT_EQ(seen.code, 0) << seen.text();
  const json found = seen.about("queue_without_workers");
  EXPECT_EQ(found.at("severity"), "notice");
  EXPECT_TRUE(says(found, "another program")) << found.dump();
}

TEST_P(doctor, finds_a_paused_queue) {
  const mesh host = working();
  run({"queues", "pause", "squid_mesh"});
  EXPECT_EQ(examined().about("queue_paused").at("severity"), "notice") << "it holds nothing up";
  run({"runs", "start", "shop.order", "--payload", R"({"item": "lamp", "key": "k"})"});
  const examination seen = examined();
  EXPECT_EQ(seen.code, wrong);
  const json found = seen.about("queue_paused");
  EXPECT_EQ(found.at("severity"), "warning");
  ASSERT_TRUE(advises(found, "squid-mesh queues resume squid_mesh")) << found.dump();
  run({"queues", "resume", "squid_mesh"});
  EXPECT_TRUE(gets_well());
}

TEST_P(doctor, finds_a_queue_with_more_work_than_slots) {
  doorstep door;
  mesh host = idle(slow, {{"work", make_handler([&](const json&) {
                             door.pass();
                             return json::object();
                           })}});
  must(host.start({.queues = {{"slow", 1, 7}}}));
  const std::shared_ptr<void> opens_at_the_end(nullptr, [&](void*) { door.open(); });  // Before the host waits for it.
  must(host.start_runs("test.slow", {json::object(), json::object()}));
  ASSERT_TRUE(door.wait_for(1));
  EXPECT_EQ(examined().code, 0) << "one that is due for a moment is no problem";
  const json found = comes_to("queue_overloaded", {"--patience", "0s"});
  EXPECT_TRUE(says(found, "their only slot is taken")) << found.dump();
  EXPECT_TRUE(advises(found, "PROGRAM work --queue slow=LIMIT")) << found.dump();
  const json queue = told({"queues", "list"}).at("queues").at(0);
  EXPECT_EQ(queue.at("nodes"), 1);
  EXPECT_EQ(queue.at("limit"), 1);
  EXPECT_EQ(queue.at("everywhere"), 7);
  EXPECT_TRUE(run({"queues", "list"}).says("1/7"));
  EXPECT_TRUE(run({"nodes", "list"}).says("slow=1/7"));
  door.open();
  EXPECT_TRUE(until([&] { return examined({"--patience", "0s"}).is_healthy(); }));
}

TEST_P(doctor, finds_jobs_that_a_dead_process_holds) {
  mesh host = idle(slow, {{"work", quick()}});
  must(host.start_run(slow));
  const mesh other = working_elsewhere();
  const auto dead = beat("dead", now() - 1min);
  const auto store = database_->open();
  must(store->beat(dead));
  must(store->write({.now = now(), .claims = {{"slow", 1}}, .attempted_by = R"(["dead", ")" + dead.node.id + R"("])"}));
  const examination seen = examined();
  EXPECT_EQ(seen.code, wrong);
  const json found = seen.about("node_dead");
  EXPECT_EQ(found.at("severity"), "error") << "nobody takes over";
  EXPECT_EQ(found.at("subject"), "dead");
  EXPECT_TRUE(says(found, "still holds 1 job of queue \"slow\"")) << found.dump();
  EXPECT_TRUE(advises(found, "PROGRAM work --queue slow")) << found.dump();
  must(host.start({.queues = {{"slow"}}}));
  EXPECT_TRUE(gets_well());
}

TEST_P(doctor, finds_a_process_whose_clock_is_ahead) {
  const mesh host = working();
  must(database_->open()->beat(beat("ahead", now() + 1h)));
  const json found = examined().about("clock_skew");
  EXPECT_EQ(found.at("subject"), "ahead") << found.dump();
  EXPECT_TRUE(says(found, "59 min ahead")) << found.dump();
  EXPECT_TRUE(says(found, "NTP"));
}

TEST_P(doctor, tells_of_a_process_that_is_hardly_heard_of) {
  run({"migrate"});
  must(database_->open()->beat(beat("late", now() - 50min, 1h)));
  const json found = examined().about("node_late");
  EXPECT_EQ(found.at("severity"), "notice") << found.dump();
  EXPECT_TRUE(says(found, "has not been heard of for 50 min")) << found.dump();
}

TEST_P(doctor, finds_runs_that_nothing_drives) {
  mesh host = idle(slow, {{"work", quick()}});
  const std::string cancelled = to_string(must(host.start_run(slow)).id);
  const std::string deleted = to_string(must(host.start_run(slow)).id);
  const json all = told({"jobs", "list"}).at("jobs");  // The newest first.
  run({"jobs", "cancel", all.at(1).at("id").dump()});
  database_->execute("DELETE FROM oban_jobs WHERE id = " + all.at(0).at("id").dump());
  const examination seen = examined();
  EXPECT_EQ(seen.code, wrong);
  const json found = seen.about("run_without_job");
  EXPECT_EQ(found.at("severity"), "error");
  EXPECT_TRUE(says(found, "(1 cancelled, 1 deleted)")) << found.dump();
  EXPECT_NE(found.at("evidence").dump().find(cancelled), std::string::npos) << found.dump();
  EXPECT_NE(found.at("evidence").dump().find(deleted), std::string::npos) << found.dump();
  EXPECT_TRUE(advises(found, "PROGRAM work")) << found.dump();
  must(host.start({.queues = {{"slow"}}}));
  EXPECT_TRUE(gets_well()) << "as it was said";
}

TEST_P(doctor, finds_runs_for_which_no_process_has_a_handler) {
  mesh host = idle(slow, {{"work", quick()}});
  const std::string id = to_string(must(host.start_run(slow)).id);
  mesh ignorant = open("ignorant");
  must(ignorant.start({.queues = {{"slow"}}}));
  const json found = comes_to("run_parked");
  EXPECT_EQ(found.at("severity"), "error");
  EXPECT_EQ(found.at("subject"), id);
  EXPECT_TRUE(says(found, "parked at step \"work\"")) << found.dump();
  EXPECT_TRUE(says(found, "Start a process that has a handler for step \"work\"")) << found.dump();
  EXPECT_TRUE(advises(found, "squid-mesh runs explain " + id)) << found.dump();
}

TEST_P(doctor, finds_runs_that_cannot_be_read) {
  mesh host = idle(slow, {{"work", quick()}});
  const std::string id = to_string(must(host.start_run(slow)).id);
  database_->execute("UPDATE squid_mesh_definitions SET document = '{}'");
  const json found = examined().about("run_blocked");
  ASSERT_FALSE(found.is_null());
  EXPECT_EQ(found.at("subject"), id);
  EXPECT_TRUE(says(found, "can't be read")) << found.dump();
  EXPECT_TRUE(says(found, "newer version")) << found.dump();
}

TEST_P(doctor, finds_a_compensation_that_waits_for_somebody) {
  mesh host = open("host");
  must(host.add(saga, {{"reserve", quick()}, {"pay", failing()}, {"reserve.compensate", failing()}}));
  must(host.start());
  const std::string id = to_string(must(host.start_run(saga)).id);
  const json found = comes_to("compensation_failed");
  EXPECT_EQ(found.at("severity"), "error");
  EXPECT_EQ(found.at("subject"), id);
  EXPECT_TRUE(says(found, "the bank is closed")) << found.dump();
  EXPECT_TRUE(advises(found, "squid-mesh runs compensation retry " + id + " --actor NAME")) << found.dump();
  EXPECT_TRUE(advises(found, "squid-mesh runs compensation skip " + id + " --actor NAME --reason TEXT"))
      << found.dump();
  run({"runs", "compensation", "skip", id, "--actor", "ann", "--reason", "by hand"});
  EXPECT_TRUE(gets_well());
}

TEST_P(doctor, finds_jobs_that_have_failed) {
  auto engine = must(
      jobs::engine::open({.database = database_->url(), .log = [](level, std::string_view) {}, .queues = {{"mail"}}}));
  engine.handle("Mailer", [](const jobs::job&, const std::stop_token&) { return jobs::failed("no such address"); });
  must(engine.start());
  const job_id given_up = must(engine.enqueue({.worker = "Mailer", .queue = "mail", .max_attempts = 1}));
  const json discarded = comes_to("job_discarded");
  EXPECT_EQ(discarded.at("severity"), "warning");
  EXPECT_EQ(discarded.at("subject"), "Mailer");
  EXPECT_TRUE(says(discarded, "1 job of worker \"Mailer\" on queue \"mail\" was given up")) << discarded.dump();
  EXPECT_TRUE(says(discarded, "no such address")) << discarded.dump();
  EXPECT_TRUE(advises(discarded, "squid-mesh jobs retry " + to_string(given_up))) << discarded.dump();
  const job_id again = must(engine.enqueue({.worker = "Mailer", .queue = "mail", .max_attempts = 5}));
  const json retrying = comes_to("job_retrying");
  EXPECT_EQ(retrying.at("severity"), "notice");
  EXPECT_TRUE(says(retrying, "attempt 2 of 5")) << retrying.dump();
  EXPECT_TRUE(advises(retrying, "squid-mesh jobs show " + to_string(again))) << retrying.dump();
}

TEST_P(doctor, finds_what_keeps_schedules_from_firing) {
  mesh host = idle(nightly, {{"work", quick()}});
  const mesh other = working_elsewhere();
  EXPECT_EQ(examined().code, 0);
  run({"schedules", "pause", "test.nightly", "night"});
  const json paused = examined().about("schedule_paused");
  EXPECT_EQ(paused.at("severity"), "notice");
  ASSERT_TRUE(advises(paused, "squid-mesh schedules resume test.nightly night")) << paused.dump();
  run({"schedules", "resume", "test.nightly", "night"});
  database_->execute("UPDATE squid_mesh_schedules SET next_at = " + database_->spell(now() - 5min));
  const json overdue = examined().about("schedule_overdue");
  EXPECT_EQ(overdue.at("severity"), "error");
  EXPECT_TRUE(says(overdue, "5 min ago")) << overdue.dump();
  EXPECT_TRUE(says(overdue, "queue \"squid_mesh\"")) << overdue.dump();
  EXPECT_TRUE(advises(overdue, "squid-mesh schedules trigger test.nightly night")) << overdue.dump();
}

TEST_P(doctor, finds_a_schedule_that_has_lost_its_job) {
  mesh host = idle(nightly, {{"work", quick()}});
  database_->execute("DELETE FROM oban_jobs");
  const examination seen = examined();
  EXPECT_EQ(seen.code, wrong);
  const json lost = seen.about("schedule_without_job");
  EXPECT_EQ(lost.at("subject"), "test.nightly night") << seen.text();
  EXPECT_TRUE(advises(lost, "PROGRAM work")) << lost.dump();
  must(host.start());
  EXPECT_TRUE(gets_well()) << "as it was said";
}

TEST_P(doctor, looks_at_no_more_than_it_says) {
  mesh host = idle(slow, {{"work", quick()}});
  must(host.start_runs("test.slow", std::vector<json>(5, json::object())));
  const mesh other = working_elsewhere();
  const json whole = examined().about("queue_without_workers");
  EXPECT_TRUE(says(whole, "5 due jobs wait")) << whole.dump();
  must(host.start({.queues = {{"slow"}}}));
  EXPECT_TRUE(gets_well());
  host.stop();
  must(host.start_runs("test.slow", std::vector<json>(5, json::object())));
  const diagnosis bounded = host.diagnose({.max_runs = 3, .max_jobs = 4});
  const json text = to_json(bounded);
  EXPECT_NE(text.dump().find("At least 4 due jobs wait"), std::string::npos) << text.dump(2);
  EXPECT_NE(text.dump().find("3 that have not ended were looked at, the oldest of all"), std::string::npos)
      << text.dump(2);
}

// -- What keeps a database from opening

TEST_P(doctor, tells_an_older_schema_and_leaves_it_alone) {
  EXPECT_TRUE(advises(examined().about("schema_missing"), "squid-mesh migrate up")) << examined().text();
  database_->migrate_to(1);
  const examination old = examined();
  EXPECT_EQ(old.code, wrong);
  const json found = old.about("schema_too_old");
  EXPECT_TRUE(says(found, "version 1")) << old.text();
  EXPECT_TRUE(advises(found, "squid-mesh migrate up")) << found.dump();
  EXPECT_EQ(database_->query("SELECT max(version) || '' FROM squid_mesh_migrations"), "1");
  run({"migrate"});
  database_->execute("INSERT INTO squid_mesh_migrations (version, name) VALUES (9999, 'from the future')");
  const json newer = examined().about("schema_too_new");
  EXPECT_TRUE(says(newer, "9999")) << newer.dump();
}

TEST_P(doctor, finds_a_database_that_cannot_be_written) {
  run({"migrate"});
  std::string url = database_->url();
  if (is_postgres()) {
    url += "&options=-cdefault_transaction_read_only%3Don";
  } else {
    url = "sqlite:file:" + url.substr(std::string("sqlite:").size()) + "?mode=ro";
  }
  const examination seen = examine(url);
  EXPECT_EQ(seen.code, wrong);
  EXPECT_EQ(seen.about("database_read_only").at("severity"), "error") << seen.text();
}

INSTANTIATE_TEST_SUITE_P(on, doctor, both_databases(), database_name);

TEST(doctor_of_postgres, tells_that_notifications_are_lost_behind_a_pooler) {
  const postgres_database database;
  ASSERT_EQ(run_command({"--database", database.url(), "migrate"}).code, 0);
  EXPECT_TRUE(examine(database.url()).about("notifications_lost").is_null());
  const pgbouncer pooler;
  const examination seen = examine(pooler.url("schema=" + database.schema()));
  EXPECT_EQ(seen.code, 0) << seen.text();
  EXPECT_TRUE(says(seen.about("notifications_lost"), "polling")) << seen.text();
}

TEST(doctor_of_postgres, tells_why_a_server_cannot_be_reached) {
  const auto found = [](const std::string& url) {
    const examination seen = examine(url);
    EXPECT_EQ(seen.code, wrong);
    return seen.about("database_unreachable");
  };
  EXPECT_TRUE(says(found("postgresql://127.0.0.1:1/x"), "Nobody listens there"));
  EXPECT_TRUE(says(found("postgresql:///x?host=/nowhere"), "Nobody listens on that socket"));
  EXPECT_TRUE(says(found("postgresql://no-such-host.invalid/x"), "The host's name is not known"));
  EXPECT_TRUE(says(found(postgres_url(shared_cluster(), {}, "no_such_database")), "create the database"));
  const postgres_server server({.durable = false, .tcp = true});
  std::string url = server.tcp_url();
  const json good = examine(url).about("database_unreachable");
  EXPECT_TRUE(good.is_null()) << good.dump();
  const std::size_t at = url.find('@');
  ASSERT_NE(at, std::string::npos) << url;
  url.insert(at, "-not");
  const json refused = found(url);
  EXPECT_TRUE(says(refused, "refuses the user or the password")) << refused.dump();
}

TEST(doctor_of_postgres, tells_of_a_job_table_that_cannot_be_shared) {
  postgres_database database;
  database.execute(elixir_tables(11));
  const json found = examine(database.url()).about("oban_unsupported");
  ASSERT_FALSE(found.is_null());
  EXPECT_TRUE(says(found, "Oban's own migrations")) << found.dump();
}

TEST(doctor_of_sqlite, tells_why_a_file_cannot_be_opened) {
  const temporary_directory directory;
  const auto found = [](const std::string& url) {
    const examination seen = examine(url);
    EXPECT_EQ(seen.code, wrong);
    return seen.about("database_unreachable");
  };
  const json missing = found(directory.database("typo.db"));
  EXPECT_TRUE(says(missing, "there is no file")) << missing.dump();
  EXPECT_TRUE(advises(missing, "squid-mesh migrate up")) << missing.dump();
  EXPECT_FALSE(std::filesystem::exists(directory / "typo.db"));
  std::ofstream(directory / "letter.db") << "Dear Sir or Madam, this is a letter, and no database at all. Yours, N. N.";
  EXPECT_TRUE(says(found(directory.database("letter.db")), "something else than a SQLite database"));
  EXPECT_TRUE(says(found("sqlite:" + directory.path().string()), "folder"));
  EXPECT_TRUE(says(found("mysql://localhost/x"), "Correct the URL"));
}

}  // namespace
}  // namespace squid_mesh::testing
