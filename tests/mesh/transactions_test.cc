// The host's own transactions, and steps whose writes commit with their end, on both databases.
#include "storage/postgres_database.h"
#include "storage/sqlite_database.h"

#include <squid_mesh/jobs.hpp>
#include <squid_mesh/postgres.hpp>
#include <squid_mesh/sqlite.hpp>
#include <squid_mesh/squid_mesh.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;

/// The host's own connection, of either kind.
class host_connection {
 public:
  explicit host_connection(const test_database& database) {
    const std::string url = database.url();
    if (url.starts_with("sqlite:")) {
      const std::string path = url.substr(7);
      if (sqlite3_open_v2(path.c_str(), &sqlite_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, nullptr) != SQLITE_OK) {
        throw std::runtime_error(sqlite3_errmsg(sqlite_));
      }
      sqlite3_busy_timeout(sqlite_, 10'000);
      within_ = std::make_unique<sqlite::connection_transaction>(sqlite_);
    } else {
      const std::string schema = url.substr(url.find("schema=") + 7);
      postgres_ = PQconnectdb(postgres_url(shared_cluster(), "options=-csearch_path%3D" + schema).c_str());
      within_ = std::make_unique<postgres::connection_transaction>(postgres_);
    }
  }
  host_connection(const host_connection&) = delete;
  host_connection& operator=(const host_connection&) = delete;
  ~host_connection() {
    sqlite3_close(sqlite_);
    PQfinish(postgres_);
  }

  void begin() { execute(sqlite_ != nullptr ? "BEGIN IMMEDIATE" : "BEGIN"); }
  void execute(const std::string& sql) {
    if (sqlite_ != nullptr) {
      if (sqlite3_exec(sqlite_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        throw std::runtime_error(sqlite3_errmsg(sqlite_));
      }
      return;
    }
    PGresult* const done = PQexec(postgres_, sql.c_str());
    const ExecStatusType status = PQresultStatus(done);
    PQclear(done);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(postgres_));
  }
  transaction& within() { return *within_; }

 private:
  sqlite3* sqlite_ = nullptr;
  PGconn* postgres_ = nullptr;
  std::unique_ptr<transaction> within_;
};

constexpr auto ledger = workflow({
    .name = "test.ledger",
    .triggers = {{.name = "manual", .payload = {{"amount", type::integer, value(1)}}}},
    .steps = {{"book",
               bound_action,
               {.output = "booked", .retry = {.max_attempts = 3, .backoff = constant(5ms)}, .transactional = true}},
              {"tell", bound_action, {.output = "told"}}},
    .transitions = {{"book", on::ok, "tell"}, {"tell", on::ok, complete}},
});

class transactions : public ::testing::TestWithParam<backend> {
 protected:
  transactions() { database_->execute("CREATE TABLE ledger (run TEXT)"); }

  [[nodiscard]] mesh open() const { return mesh::open({.database = database_->url()}).value(); }
  [[nodiscard]] std::string booked() const { return database_->query("SELECT count(*) FROM ledger"); }

  /// SQL on the connection of a transactional step.
  void execute(step_context& context, const std::string& sql) const {
    const std::string table = schema_.empty() ? "" : schema_ + ".";
    std::string spelled = sql;
    if (const std::size_t at = spelled.find("ledger"); at != std::string::npos) spelled.insert(at, table);
    if (schema_.empty()) {
      if (sqlite3_exec(sqlite::connection(context), spelled.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        throw std::runtime_error("SQLite refused");
      }
    } else {
      PGresult* const done = PQexec(postgres::connection(context), spelled.c_str());
      const ExecStatusType status = PQresultStatus(done);
      PQclear(done);
      if (status != PGRES_COMMAND_OK) throw std::runtime_error("PostgreSQL refused");
    }
  }
  void book(step_context& context) const {
    execute(context, "INSERT INTO ledger (run) VALUES ('" + to_string(context.run()) + "')");
  }
  /// Runs `ledger` with this as its first step, to its end.
  run_view run(const std::function<json(step_context&)>& first) {
    mesh worker = open();
    const auto added =
        worker.add(ledger, {{"book", make_handler([&](const json&, step_context& context) { return first(context); })},
                            {"tell", make_handler([](const json&) { return json(true); })}});
    EXPECT_TRUE(added);
    const auto started = worker.start_run(ledger);
    EXPECT_TRUE(worker.start({.poll = 50ms}));
    return worker.await_run(started.value().id, 60s).value();
  }

  std::unique_ptr<test_database> database_ = GetParam().make();
  const std::string schema_ = database_->url().starts_with("sqlite:")
                                  ? std::string()
                                  : database_->url().substr(database_->url().find("schema=") + 7);
};

TEST_P(transactions, a_run_exists_if_and_when_the_hosts_transaction_commits) {
  mesh worker = open();
  const auto handlers = [] {
    return std::map<std::string, handler>{{"book", make_handler([](const json&) { return json(1); })},
                                          {"tell", make_handler([](const json&) { return json(1); })}};
  };
  ASSERT_TRUE(worker.add(ledger, handlers()));
  host_connection host(*database_);
  host.begin();
  host.execute("INSERT INTO ledger (run) VALUES ('rolled back')");
  ASSERT_TRUE(worker.start_run(host.within(), ledger));
  host.execute("ROLLBACK");
  EXPECT_TRUE(worker.list_runs().value().runs.empty());
  EXPECT_EQ(booked(), "0");

  host.begin();
  host.execute("INSERT INTO ledger (run) VALUES ('committed')");
  EXPECT_EQ(worker.start_run(host.within(), ledger, {{"amount", "much"}}).error().code, errc::invalid_payload);
  const auto started = worker.start_run(host.within(), ledger);
  ASSERT_TRUE(started) << to_string(started.error());
  EXPECT_TRUE(worker.list_runs().value().runs.empty()) << "nobody else sees it yet";
  host.execute("COMMIT");
  ASSERT_TRUE(worker.start({.poll = 50ms}));
  EXPECT_EQ(worker.await_run(started->id, 60s).value().status, run_status::completed);
  EXPECT_EQ(booked(), "1");
}

TEST_P(transactions, without_an_open_transaction_nothing_is_written) {
  mesh worker = open();
  ASSERT_TRUE(worker.add(ledger, {{"book", make_handler([](const json&) { return json(1); })},
                                  {"tell", make_handler([](const json&) { return json(1); })}}));
  host_connection host(*database_);
  EXPECT_EQ(worker.start_run(host.within(), ledger).error().code, errc::conflict);
  EXPECT_TRUE(worker.list_runs().value().runs.empty());
}

TEST_P(transactions, a_job_exists_if_and_when_the_hosts_transaction_commits) {
  auto engine = jobs::engine::open({.database = database_->url()});
  ASSERT_TRUE(engine);
  host_connection host(*database_);
  host.begin();
  const auto id = engine->enqueue(host.within(), {.worker = "w"});
  ASSERT_TRUE(id) << to_string(id.error());
  EXPECT_EQ(engine->find(*id).error().code, errc::not_found);
  host.execute("COMMIT");
  EXPECT_EQ(engine->find(*id).value().worker, "w");
}

TEST_P(transactions, a_steps_writes_commit_with_its_end) {
  const run_view ended = run([&](step_context& context) {
    book(context);
    EXPECT_EQ(booked(), "0") << "nobody else sees it yet";
    return json("yes");
  });
  EXPECT_EQ(ended.status, run_status::completed);
  EXPECT_EQ(database_->query("SELECT run FROM ledger"), to_string(ended.id));
}

TEST_P(transactions, what_a_failing_attempt_wrote_is_rolled_back) {
  const run_view ended = run([&](step_context& context) -> json {
    book(context);
    if (context.attempt() < 3) throw std::runtime_error("not yet");
    return "third";
  });
  EXPECT_EQ(ended.status, run_status::completed);
  EXPECT_EQ(booked(), "1");
}

constexpr auto three_bookings = workflow({
    .name = "test.three_bookings",
    .triggers = {{.name = "manual"}},
    .steps = {{"one", bound_action, {.output = "one", .transactional = true}},
              {"two", bound_action, {.output = "two", .transactional = true}},
              {"three", bound_action, {.output = "three", .transactional = true}}},
    .transitions = {{"one", on::ok, "two"}, {"two", on::ok, "three"}, {"three", on::ok, complete}},
});

TEST_P(transactions, a_step_has_let_go_of_its_transaction_when_the_next_begins) {
  mesh worker = open();
  const handler each = make_handler([&](const json&, step_context& context) {
    book(context);
    return json(true);
  });
  ASSERT_TRUE(worker.add(three_bookings, {{"one", each}, {"two", each}, {"three", each}}));
  const std::vector<run_ref> started =
      worker.start_runs("test.three_bookings", std::vector<json>(20, json::object())).value();
  ASSERT_TRUE(worker.start({.queues = {{"squid_mesh", 20}}, .poll = 50ms}));
  for (const run_ref& run : started) {
    const run_view ended = worker.await_run(run.id, 60s).value();
    EXPECT_EQ(ended.status, run_status::completed);
    EXPECT_EQ(worker.inspect_run(run.id, {.include_history = true}).value().attempts.size(), 3U)
        << "an attempt was interrupted";
  }
  EXPECT_EQ(booked(), "60");
}

// On SQLite nobody else can write meanwhile.
TEST(transactions_on_postgres, what_a_step_wrote_is_rolled_back_where_its_end_is_refused) {
  postgres_database database;
  database.execute("CREATE TABLE ledger (run TEXT)");
  mesh worker = mesh::open({.database = database.url()}).value();
  int calls = 0;
  const handler book_late = make_handler([&](const json&, step_context& context) {
    PGconn* const connection = postgres::connection(context);
    const std::string insert =
        "INSERT INTO " + database.schema() + ".ledger (run) VALUES ('" + std::to_string(++calls) + "')";
    PQclear(PQexec(connection, insert.c_str()));
    if (calls == 1) {
      database.execute(
          "INSERT INTO squid_mesh_events (run_id, seq, kind, step, at, started_at, node)"
          " SELECT id, 1, 'attempt_interrupted', 'book', now(), now(), 'another' FROM squid_mesh_runs");
    }
    return json("booked");
  });
  ASSERT_TRUE(
      worker.add(ledger, {{"book", book_late}, {"tell", make_handler([](const json&) { return json(true); })}}));
  const auto started = worker.start_run(ledger);
  ASSERT_TRUE(worker.start({.poll = 50ms}));
  EXPECT_EQ(worker.await_run(started.value().id, 60s).value().status, run_status::completed);
  worker.stop();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(database.query("SELECT run FROM ledger"), "2");
}

TEST_P(transactions, a_step_that_ends_the_transaction_itself_fails) {
  const run_view ended = run([&](step_context& context) -> json {
    execute(context, "ROLLBACK");
    return "never";
  });
  EXPECT_EQ(ended.status, run_status::failed);
  EXPECT_EQ(booked(), "0");
}

INSTANTIATE_TEST_SUITE_P(both, transactions,
                         ::testing::Values(backend{"sqlite", [] { return std::make_unique<sqlite_file>(); }},
                                           backend{"postgres", [] { return std::make_unique<postgres_database>(); }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace squid_mesh::testing
