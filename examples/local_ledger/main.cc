// Money moves between accounts in the host's own table, in the transaction that also records the step's end: however
// often the process is killed, each transfer is booked once. Kill it and start it again on the same file.
#include <squid_mesh/sqlite.hpp>
#include <squid_mesh/squid_mesh.hpp>

#include <sqlite3.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

namespace sm = squid_mesh;
using namespace std::chrono_literals;

constexpr int transfers = 5;
constexpr int amount = 10;

void execute(sqlite3* database, const std::string& sql) {
  if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return;
  throw std::runtime_error(std::string("SQLite: ") + sqlite3_errmsg(database));
}

/// Books both sides. What it writes and that it has been done are one transaction.
void transfer(const sm::json& input, sm::step_context& context) {
  sqlite3* const database = sm::sqlite::connection(context);
  const std::string value = std::to_string(input.at("amount").get<int>());
  execute(database, "UPDATE accounts SET balance = balance - " + value + " WHERE name = 'ada'");
  execute(database, "UPDATE accounts SET balance = balance + " + value + " WHERE name = 'grace'");
}

constexpr auto ledger = sm::workflow({
    .name = "bank.transfer",
    .triggers = {{.name = "manual", .payload = {{"amount", sm::type::integer}}}},
    .steps = {{"transfer", sm::action<transfer>, {.transactional = true}}, {"note", sm::log{"booked"}}},
    .transitions = {{"transfer", sm::on::ok, "note"}, {"note", sm::on::ok, sm::complete}},
});

/// A connection of the host's own to the same file.
class accounts {
 public:
  explicit accounts(const std::string& file) {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open(file.c_str(), &opened);
    database_.reset(opened);
    if (code != SQLITE_OK) throw std::runtime_error("can't open " + file);
    sqlite3_busy_timeout(opened, 10'000);
    execute(opened, "CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, balance INTEGER NOT NULL)");
    execute(opened, "INSERT OR IGNORE INTO accounts VALUES ('ada', 100), ('grace', 0)");
  }
  void print() const {
    const auto line = [](void*, int, char** values, char**) {
      std::cout << values[0] << " has " << values[1] << '\n';
      return 0;
    };
    sqlite3_exec(database_.get(), "SELECT name, balance FROM accounts ORDER BY name", line, nullptr, nullptr);
  }

 private:
  struct closer {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
  };
  std::unique_ptr<sqlite3, closer> database_;
};

sm::result<void> book_all(const std::string& file) {
  const accounts books(file);
  auto mesh = sm::mesh::open({.database = "sqlite:" + file});
  if (!mesh) return std::unexpected(mesh.error());
  if (auto added = mesh->add(ledger); !added) return added;
  if (auto started = mesh->start({.lease = 2s}); !started) return started;
  for (int i = 0; i < transfers; ++i) {
    // Started once, however often the program is.
    const auto run = mesh->start_run(ledger, {{"amount", amount}}, {.idempotency_key = std::to_string(i)});
    if (!run) return std::unexpected(run.error());
    if (auto ended = mesh->await_run(run->id, 60s); !ended) return std::unexpected(ended.error());
  }
  books.print();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto booked = book_all(argc > 1 ? argv[1] : "local_ledger.db");
    if (booked) return EXIT_SUCCESS;
    std::cerr << to_string(booked.error()) << '\n';
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
  }
  return EXIT_FAILURE;
}
