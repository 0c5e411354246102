// A process that works on `chaos::order`: `chaos_worker URL NAME LEASE_MS`. SIGTERM stops it in good order; it ends
// with its parent. Where there is no database, it waits for one.
#include "postgres/chaos_world.h"
#include "support/postgres_connection.h"

#include <squid_mesh/postgres.hpp>

#include <pthread.h>
#include <sys/prctl.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <thread>

namespace squid_mesh::testing::chaos {
namespace {

struct job_description {
  std::string url;
  std::string name;
  milliseconds lease;
};

sigset_t termination() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  return signals;
}

/// Whether SIGTERM comes within so much time.
bool is_dismissed_within(milliseconds time) {
  const sigset_t signals = termination();
  const timespec limit{.tv_sec = time.count() / 1000, .tv_nsec = time.count() % 1000 * 1'000'000};
  return sigtimedwait(&signals, nullptr, &limit) == SIGTERM;
}

/// Notes on a connection of this thread's own that an attempt begins: that stands, whatever becomes of the attempt.
/// Whether it is noted.
bool note_begin(const job_description& me, step_context& context) {
  thread_local std::optional<postgres_connection> notes;
  try {
    if (!notes) notes.emplace(me.url);
    notes->execute("INSERT INTO begun VALUES ('" + to_string(context.run()) + "', '" + std::string(context.step()) +
                   "', " + std::to_string(context.attempt()) + ", '" + me.name + "')");
    return true;
  } catch (const std::runtime_error&) {
    notes.reset();
    return false;
  }
}

/// The effect comes before the attempt's end is known: where it fails, the effect has to go.
result<void> leave_effect(step_context& context) {
  PGconn* const transaction = postgres::connection(context);
  const std::string sql =
      "INSERT INTO effects VALUES ('" + to_string(context.run()) + "', '" + std::string(context.step()) + "')";
  PGresult* const done = PQexec(transaction, sql.c_str());
  const bool ok = PQresultStatus(done) == PGRES_COMMAND_OK;
  PQclear(done);
  if (!ok) return std::unexpected(retryable(PQerrorMessage(transaction)));
  return {};
}

/// Whether the time passed without a stop.
bool take_time(milliseconds time, const std::stop_token& stop) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    if (stop.stop_requested()) return false;
    std::this_thread::sleep_for(std::min(time, milliseconds(5)));
  }
  return true;
}

result<json> play(const job_description& me, const json& input, step_context& context) {
  const part mine = part_of(input.at("number").get<std::int64_t>(), context.step(), context.attempt());
  if (!note_begin(me, context)) return std::unexpected(retryable("the attempt's beginning can't be noted"));
  if (context.transaction() != nullptr) {
    if (auto left = leave_effect(context); !left) return std::unexpected(std::move(left).error());
  }
  if (!take_time(mine.takes, context.stop())) return std::unexpected(retryable("stopped"));
  if (mine.refuses) return std::unexpected(permanent(std::string(failure_words)));
  if (mine.fails) return std::unexpected(retryable(std::string(failure_words)));
  return context.attempt();
}

/// Works until SIGTERM.
result<void> work(const job_description& me) {
  auto opened = mesh::open({.database = me.url + "&step_connections=6", .node_name = me.name});
  if (!opened) return std::unexpected(std::move(opened).error());
  const handler act = [&me](const json& input, step_context& context) { return play(me, input, context); };
  std::map<std::string, handler> handlers;
  for (const char* step : {"reserve", "charge", "ship", "close", "refund"}) handlers.emplace(step, act);
  if (auto added = opened->add(order, std::move(handlers)); !added) return added;
  // The grace is shorter than the slow attempts, so that some are interrupted.
  auto started = opened->start({.queues = {{"squid_mesh", 12}}, .grace = 50ms, .lease = me.lease, .poll = 200ms});
  if (!started) return started;
  while (!is_dismissed_within(1h)) continue;
  opened->stop();
  return {};
}

int run(const job_description& me) {
  while (true) {
    const auto worked = work(me);
    if (worked) return 0;
    std::cerr << to_string(worked.error()) << '\n';
    if (worked.error().code != errc::unavailable && worked.error().code != errc::in_doubt) return 1;
    if (is_dismissed_within(100ms)) return 0;
  }
}

}  // namespace
}  // namespace squid_mesh::testing::chaos

int main(int argc, char** argv) {
  using namespace squid_mesh::testing::chaos;
  if (argc != 4) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // NOLINT(cppcoreguidelines-pro-type-vararg): Linux has no other call for it.
  const sigset_t signals = termination();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return run({.url = argv[1], .name = argv[2], .lease = squid_mesh::milliseconds(std::stoi(argv[3]))});
}
