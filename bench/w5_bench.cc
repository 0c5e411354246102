// Measures W5 (see w5.h) and prints one JSON object per line; see `--help`.
#include "databases.h"
#include "must.h"
#include "second_process.h"
#include "w5.h"

#include <CLI/CLI.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::bench {
namespace {

struct settings {
  databases on;
  std::vector<std::size_t> concurrencies{1, 10, 100};
  std::vector<std::size_t> processes{1, 2};
  std::size_t runs = 5000;
  std::string work;  ///< the database, if this is a second process
  bool no_batching = false;
};

/// One line of the output.
struct subject {
  std::string database;
  std::size_t processes = 1;
  working how;
};

double percentile(std::vector<double> values, double p) {
  std::ranges::sort(values);
  return values.empty() ? 0 : values[static_cast<std::size_t>(p * static_cast<double>(values.size() - 1))];
}

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;  // NOLINT(cppcoreguidelines-pro-type-union-access): glibc's own.
}

/// In a place of its own: the engine's is to be as fresh. The library makes its schema.
raw_limits measure_raw(const settings& given, const std::string& database) {
  const auto where = given.on.new_place(database);
  open_w5(where->url());
  return where->measure_raw({.runs = given.runs});
}

/// Slow cases measure fewer runs, and no case fewer than 200.
std::size_t runs_of(const settings& given, const working& how) {
  return how.concurrency == 1 || !how.batching ? std::max<std::size_t>(given.runs / 5, 200) : given.runs;
}

struct figures {
  std::vector<double> run_ms;
  throughput speed;
  double enqueue_alone_per_s = 0;
};

figures measure_engine(const settings& given, const subject& what, std::size_t runs) {
  const auto where = given.on.new_place(what.database);
  mesh host = open_w5(where->url());
  must(host.start(options_of(what.how)));
  std::optional<second_process> second;
  if (what.processes == 2) second.emplace(where->url(), what.how);

  figures measured;
  measured.run_ms = measure_latency(host, what.how.concurrency, std::max<std::size_t>(runs / 5, 200));
  measured.speed = measure_throughput(
      host, runs, [&] { return host.write_transactions() + (second ? second->write_transactions() : 0); });
  second.reset();
  host.stop();
  measured.enqueue_alone_per_s = measure_enqueue(host, runs);
  return measured;
}

json measure(const settings& given, const subject& what) {
  const std::size_t runs = runs_of(given, what.how);
  // Before and after: what else the machine does changes in the meantime.
  const raw_limits before = measure_raw(given, what.database);
  const figures engine = measure_engine(given, what, runs);
  const raw_limits after = measure_raw(given, what.database);
  const raw_limits raw{.commits_per_s = std::midpoint(before.commits_per_s, after.commits_per_s),
                       .steps_per_s = std::midpoint(before.steps_per_s, after.steps_per_s)};
  const throughput& speed = engine.speed;
  const double run_ms_p50 = percentile(engine.run_ms, 0.50);

  const double bare_run_ms = 7 * 1000 / raw.commits_per_s;
  return {{"bench", "w5"},
          {"database", what.database},
          {"processes", what.processes},
          {"concurrency", what.how.concurrency},
          {"batching", what.how.batching},
          {"runs", runs},
          {"runs_per_s", speed.steps_per_s / static_cast<double>(steps_per_run)},
          {"steps_per_s", speed.steps_per_s},
          {"run_ms_p50", run_ms_p50},
          {"run_ms_p99", percentile(engine.run_ms, 0.99)},
          {"enqueue_per_s", speed.enqueue_per_s},
          {"enqueue_alone_per_s", engine.enqueue_alone_per_s},
          {"commits_per_run", speed.commits_per_run},
          {"peak_rss_mb", peak_rss_mb()},
          {"raw_commits_per_s", raw.commits_per_s},
          {"raw_steps_per_s", raw.steps_per_s},
          {"steps_to_raw", speed.steps_per_s / raw.steps_per_s},
          {"run_to_seven_commits", run_ms_p50 / bare_run_ms}};
}

void print(const json& line) { std::cout << line.dump() << '\n' << std::flush; }

/// Where a hundred runs go on at once, first without batching, to compare with.
void measure_and_print(const settings& given, const subject& what) {
  constexpr std::size_t compared_concurrency = 100;
  std::optional<double> unbatched;
  if (what.how.concurrency == compared_concurrency && what.processes == 1) {
    subject without = what;
    without.how.batching = false;
    const json line = measure(given, without);
    unbatched = line.at("steps_per_s").get<double>();
    print(line);
  }
  json line = measure(given, what);
  if (unbatched) line["steps_to_unbatched"] = line.at("steps_per_s").get<double>() / *unbatched;
  print(line);
}

void measure_all(const settings& given) {
  for (const std::string& database : given.on.names()) {
    for (const std::size_t processes : given.processes) {
      if (processes == 2 && database == "sqlite") continue;
      for (const std::size_t concurrency : given.concurrencies) {
        measure_and_print(given, {.database = database, .processes = processes, .how = {.concurrency = concurrency}});
      }
    }
  }
}

int run_program(int argc, char** argv) {
  settings given;
  CLI::App app(
      "Measures runs of five no-op steps on SQLite (WAL, synchronous=FULL) and PostgreSQL (as the server is set), "
      "beside the raw limits of the same run. One JSON object per line.");
  given.on.add_options(app);
  app.add_option("--concurrency", given.concurrencies, "Runs at the same time in each process")
      ->check(CLI::Range(1, 10'000));
  app.add_option("--processes", given.processes, "Processes that work; 2 on PostgreSQL alone")->check(CLI::Range(1, 2));
  app.add_option("--runs", given.runs, "Runs to measure; fewer where commits aren't shared")
      ->check(CLI::Range(100, 10'000'000));
  // An empty group hides an option.
  app.add_option("--work", given.work)->group("");
  app.add_flag("--no-batching", given.no_batching)->group("");
  CLI11_PARSE(app, argc, argv);

  if (!given.work.empty()) {
    be_second_process(given.work, {.concurrency = given.concurrencies.front(), .batching = !given.no_batching});
    return 0;
  }
  given.on.complete();
  measure_all(given);
  return 0;
}

}  // namespace
}  // namespace squid_mesh::bench

int main(int argc, char** argv) { return squid_mesh::bench::run_guarded(squid_mesh::bench::run_program, argc, argv); }
