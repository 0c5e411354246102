// Workers and the server are killed, stopped and restarted at random while runs flow, and nothing is lost, doubled or
// left over. The settings are environment variables:
//
//   SQUID_MESH_CHAOS_SEED     the same seed deals the same blows in the same order
//   SQUID_MESH_CHAOS_SECONDS  how long
//   SQUID_MESH_CHAOS_RUNS     how many runs are started meanwhile
#include "postgres/chaos_checks.h"
#include "postgres/chaos_crew.h"
#include "postgres/chaos_world.h"
#include "support/postgres_connection.h"
#include "support/postgres_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace squid_mesh::testing::chaos {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t seats = 3;
constexpr milliseconds lease = 800ms;
constexpr std::int64_t batch_size = 20;

std::int64_t setting(const char* name, std::int64_t otherwise) {
  const char* const given = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes the environment
  return given == nullptr ? otherwise : std::stoll(given);
}

struct settings {
  std::uint64_t seed = static_cast<std::uint64_t>(setting("SQUID_MESH_CHAOS_SEED", 2));
  std::chrono::seconds duration{setting("SQUID_MESH_CHAOS_SECONDS", 10)};
  std::int64_t runs = setting("SQUID_MESH_CHAOS_RUNS", 1000);
};

// -- Those who start runs

/// Starts one run of each number, evenly over a time, as a caller would who must not start one twice.
class customer {
 public:
  customer(mesh& engine, std::string url, const settings& wanted)
      : mesh_(engine),
        url_(std::move(url)),
        thread_([this, wanted](const std::stop_token& stop) { start_all(wanted, stop); }) {}

  /// Waits until all are started.
  void finish() { thread_.join(); }
  [[nodiscard]] int refused() const { return refused_; }
  [[nodiscard]] int in_doubt() const { return in_doubt_; }

 private:
  void start_all(const settings& wanted, const std::stop_token& stop) {
    const auto begin = clock::now();
    for (std::int64_t first = 0; first < wanted.runs && !stop.stop_requested(); first += batch_size) {
      std::this_thread::sleep_until(begin + milliseconds(wanted.duration) * first / wanted.runs);
      std::vector<json> payloads;
      for (std::int64_t n = first; n < std::min(first + batch_size, wanted.runs); ++n)
        payloads.push_back({{"number", n}});
      while (!start(first, payloads, stop) && !stop.stop_requested()) std::this_thread::sleep_for(20ms);
    }
  }

  /// Whether they are started now.
  bool start(std::int64_t first, const std::vector<json>& payloads, const std::stop_token& stop) {
    const auto started = mesh_.start_runs(order.name, payloads);
    if (started) return true;
    if (started.error().code == errc::unavailable) {
      ++refused_;
      return false;
    }
    if (started.error().code == errc::in_doubt) {
      ++in_doubt_;
      std::optional<bool> there;
      while (!(there = exist(first, payloads.size())) && !stop.stop_requested()) std::this_thread::sleep_for(20ms);
      return there.value_or(true);
    }
    ADD_FAILURE() << to_string(started.error());
    return true;
  }

  /// Whether the runs of a doubtful batch are there: all, or none. Nullopt: nobody can say now.
  [[nodiscard]] std::optional<bool> exist(std::int64_t first, std::size_t how_many) const {
    const std::string sql = "SELECT count(*) FROM squid_mesh_runs WHERE (payload ->> 'number')::int8 BETWEEN " +
                            std::to_string(first) + " AND " +
                            std::to_string(first + static_cast<std::int64_t>(how_many) - 1);
    try {
      const std::string found = postgres_connection(url_).query(sql);
      EXPECT_TRUE(found == "0" || found == std::to_string(how_many)) << "a batch was written in part: " << found;
      return found != "0";
    } catch (const std::runtime_error&) {
      return std::nullopt;
    }
  }

  mesh& mesh_;
  const std::string url_;
  std::atomic<int> refused_ = 0;
  std::atomic<int> in_doubt_ = 0;
  std::jthread thread_;
};

// -- The chaos

enum class blow { kill, stop, dismiss, restart_server, stop_server, kill_postmaster, kill_server };
constexpr std::array names = {
    "workers killed",    "workers stopped", "workers dismissed", "server restarts", "server stopped immediately",
    "postmaster killed", "server killed"};

/// The blows come like cards of a deck that is shuffled anew when all are dealt: none stays away by chance.
constexpr std::array deck = {
    blow::kill,       blow::kill,    blow::kill,           blow::kill,        blow::kill,
    blow::stop,       blow::stop,    blow::stop,           blow::stop,        blow::dismiss,
    blow::dismiss,    blow::dismiss, blow::restart_server, blow::stop_server, blow::kill_postmaster,
    blow::kill_server};

class storm {
 public:
  storm(postgres_server& server, const settings& wanted)
      : server_(server), dice_(wanted.seed), crew_(server.url(), seats, lease, dice_) {}

  void rage(std::chrono::seconds duration) {
    const auto end = clock::now() + duration;
    for (std::size_t dealt = 0; dealt < deck.size() || clock::now() < end; ++dealt) {
      pass(milliseconds(dice_() % 800));
      const blow next = draw();
      while (!deal(next)) pass(50ms);
      ++dealt_[next];
    }
  }

  crew& workers() { return crew_; }
  [[nodiscard]] int dealt(blow which) const { return dealt_.contains(which) ? dealt_.at(which) : 0; }

 private:
  blow draw() {
    if (hand_.empty()) {
      hand_.assign(deck.begin(), deck.end());
      std::ranges::shuffle(hand_, dice_);
    }
    const blow next = hand_.back();
    hand_.pop_back();
    return next;
  }

  void pass(milliseconds time) {
    const auto end = clock::now() + time;
    do {
      crew_.tend();
      std::this_thread::sleep_for(std::min<clock::duration>(10ms, end - clock::now()));
    } while (clock::now() < end);
  }

  /// False: not now.
  bool deal(blow which) {
    switch (which) {
      case blow::kill:
        return crew_.kill();
      case blow::stop:
        return crew_.stop();
      case blow::dismiss:
        return crew_.dismiss();
      case blow::restart_server:
        server_.stop("fast");
        break;
      case blow::stop_server:
        server_.stop("immediate");
        break;
      case blow::kill_postmaster:
        server_.kill_postmaster();
        break;
      case blow::kill_server:
        server_.kill();
        break;
    }
    pass(milliseconds(dice_() % 600));
    server_.start();
    return true;
  }

  postgres_server& server_;
  std::mt19937_64 dice_;
  std::vector<blow> hand_;
  std::map<blow, int> dealt_;
  crew crew_;
};

mesh open_mesh(const std::string& url) {
  auto opened = mesh::open({.database = url, .log = [](level, std::string_view) {}, .node_name = "customer"});
  if (!opened) throw std::runtime_error(to_string(opened.error()));
  std::map<std::string, handler> nothing;
  for (const char* step : {"reserve", "charge", "ship", "close", "refund"}) {
    nothing.emplace(step, make_handler([] { return json(); }));
  }
  if (auto added = opened->add(order, nothing); !added) throw std::runtime_error(to_string(added.error()));
  return *std::move(opened);
}

template <class Value>
void tell(std::string_view what, const Value& value) {
  std::cout << what << ": " << value << std::endl;  // NOLINT(performance-avoid-endl): seen at once
}

void tell_all(const storm& chaos, const customer& buyer, const tally& ended) {
  for (std::size_t i = 0; i < names.size(); ++i) tell(names.at(i), chaos.dealt(static_cast<blow>(i)));
  tell("starts refused", buyer.refused());
  tell("starts in doubt", buyer.in_doubt());
  for (const auto& [status, times] : ended) tell("attempts " + std::string(to_string(status)), times);
}

TEST(chaos, loses_nothing_and_does_nothing_twice) {
  const settings wanted;
  const std::string repeat = "SQUID_MESH_CHAOS_SEED=" + std::to_string(wanted.seed) +
                             " SQUID_MESH_CHAOS_SECONDS=" + std::to_string(wanted.duration.count()) +
                             " SQUID_MESH_CHAOS_RUNS=" + std::to_string(wanted.runs);
  tell("to repeat", repeat);
  SCOPED_TRACE(repeat);

  // Here processes die, not machines: what the kernel has been given stays.
  postgres_server server({.settings = {"fsync=off", "max_connections=200"}});
  server.execute(create_tables);
  mesh engine = open_mesh(server.url());
  storm chaos(server, wanted);
  customer buyer(engine, server.url(), wanted);
  chaos.rage(wanted.duration);
  tell("runs that ended meanwhile", server.query("SELECT count(*) FROM squid_mesh_runs WHERE ended_at IS NOT NULL"));
  buyer.finish();

  const auto calm = clock::now();
  chaos.workers().recover();
  postgres_connection database(server.url());
  ASSERT_TRUE(all_end(database)) << what_is_left(database) << chaos.workers().last_words();
  tell("seconds until all had ended", std::chrono::duration<double>(clock::now() - calm).count());
  chaos.workers().go_home();
  tally ended = check_everything(engine, database, wanted.runs);
  tell_all(chaos, buyer, ended);

  for (const blow each : deck) EXPECT_GE(chaos.dealt(each), 1);
  EXPECT_GE(ended[attempt_status::lost], 1U);
  EXPECT_GE(ended[attempt_status::failed], 1U);
}

}  // namespace
}  // namespace squid_mesh::testing::chaos
