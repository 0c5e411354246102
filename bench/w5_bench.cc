// W5: runs of five sequential no-op steps, each returning about 100 bytes of JSON, until every one is durably complete.
// Prints one JSON object per line; see `--help`.
#include "raw_sqlite.h"

#include <squid_mesh/squid_mesh.hpp>

#include <CLI/CLI.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sm = squid_mesh;
using namespace std::chrono_literals;

namespace {

using steady = std::chrono::steady_clock;

sm::json no_op(const sm::json& /*input*/) {
  return {{"text", "about one hundred bytes of output, as a step of a workflow might well return them to us."}};
}

constexpr auto w5 = sm::workflow({
    .name = "bench.w5",
    .triggers = {{.name = "manual", .payload = {{"n", sm::type::integer}}}},
    .steps = {{"step_1", sm::action<no_op>, {.output = "one"}},
              {"step_2", sm::action<no_op>, {.output = "two"}},
              {"step_3", sm::action<no_op>, {.output = "three"}},
              {"step_4", sm::action<no_op>, {.output = "four"}},
              {"step_5", sm::action<no_op>, {.output = "five"}}},
    .transitions = {{"step_1", sm::on::ok, "step_2"},
                    {"step_2", sm::on::ok, "step_3"},
                    {"step_3", sm::on::ok, "step_4"},
                    {"step_4", sm::on::ok, "step_5"},
                    {"step_5", sm::on::ok, sm::complete}},
});
constexpr std::size_t steps_per_run = 5;

/// The value of a result, or the end of the program.
template <class T>
T must(sm::result<T> outcome) {
  if (!outcome) {
    std::cerr << sm::to_string(outcome.error()) << '\n';
    std::_Exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(outcome);
}

double seconds_since(steady::time_point start) { return std::chrono::duration<double>(steady::now() - start).count(); }

double percentile(std::vector<double> values, double p) {
  std::ranges::sort(values);
  return values.empty() ? 0 : values[static_cast<std::size_t>(p * static_cast<double>(values.size() - 1))];
}

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;  // NOLINT(cppcoreguidelines-pro-type-union-access): glibc's own.
}

std::vector<sm::json> payloads(std::size_t count) {
  std::vector<sm::json> all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) all.push_back({{"n", i}});
  return all;
}

void wait_for_all(const sm::mesh& mesh, const std::vector<sm::run_ref>& runs) {
  for (const sm::run_ref& run : runs) must(mesh.await_run(run.id, 10min));
}

struct throughput {
  double steps_per_s = 0;
  double commits_per_run = 0;
  double enqueue_per_s = 0;
};

/// From the first start until every run is durably complete, the workers working all the while. Starts come in
/// batches of 100, as from a busy host.
throughput measure_throughput(sm::mesh& mesh, std::size_t runs) {
  constexpr std::size_t batch = 100;
  std::vector<sm::run_ref> started;
  const std::uint64_t before = mesh.write_transactions();
  const auto start = steady::now();
  for (std::size_t done = 0; done < runs; done += batch) {
    for (const auto& run : must(mesh.start_runs(w5.name, payloads(std::min(batch, runs - done)))))
      started.push_back(run);
  }
  const double enqueued = seconds_since(start);
  wait_for_all(mesh, started);
  const auto total = static_cast<double>(runs);
  return {.steps_per_s = total * steps_per_run / seconds_since(start),
          .commits_per_run = static_cast<double>(mesh.write_transactions() - before) / total,
          .enqueue_per_s = total / enqueued};
}

/// The times of single runs, one after another per client, from the start call to the awaited end.
std::vector<double> measure_latency(sm::mesh& mesh, std::size_t clients, std::size_t runs) {
  std::vector<std::vector<double>> times(clients);
  {
    std::vector<std::jthread> threads;
    threads.reserve(clients);
    for (std::size_t c = 0; c < clients; ++c) {
      threads.emplace_back([&, c] {
        for (std::size_t i = c; i < runs; i += clients) {
          const auto start = steady::now();
          const auto run = must(mesh.start_run(w5, {{"n", i}}));
          must(mesh.await_run(run.id, 10min));
          times[c].push_back(seconds_since(start) * 1000);
        }
      });
    }
  }
  std::vector<double> all;
  for (const auto& some : times) all.insert(all.end(), some.begin(), some.end());
  return all;
}

struct settings {
  std::vector<std::size_t> concurrencies{1, 10, 100};
  std::size_t runs = 5000;
  std::string directory;
};

void measure(const settings& given, std::size_t concurrency) {
  const std::filesystem::path directory = given.directory;
  const std::string file = (directory / ("w5-" + std::to_string(concurrency) + ".db")).string();
  const std::string raw_file = (directory / ("raw-" + std::to_string(concurrency) + ".db")).string();
  const std::size_t runs = concurrency == 1 ? std::max<std::size_t>(given.runs / 5, 200) : given.runs;

  auto mesh = must(sm::mesh::open({.database = "sqlite:" + file}));
  must(mesh.add(w5));
  // The raw rows go into the same schema, which the library makes.
  must(sm::mesh::open({.database = "sqlite:" + raw_file}));
  const auto raw = sm::bench::measure_raw_sqlite(raw_file, 2000, given.runs);

  must(mesh.start({.queues = {{"squid_mesh", concurrency}}}));
  const auto times = measure_latency(mesh, concurrency, std::max<std::size_t>(runs / 5, 200));
  const auto speed = measure_throughput(mesh, runs);
  mesh.stop();

  const double bare_run_ms = 7 * 1000 / raw.commits_per_s;
  const sm::json line = {{"bench", "w5"},
                         {"database", "sqlite"},
                         {"concurrency", concurrency},
                         {"runs", runs},
                         {"runs_per_s", speed.steps_per_s / steps_per_run},
                         {"steps_per_s", speed.steps_per_s},
                         {"run_ms_p50", percentile(times, 0.50)},
                         {"run_ms_p99", percentile(times, 0.99)},
                         {"enqueue_per_s", speed.enqueue_per_s},
                         {"commits_per_run", speed.commits_per_run},
                         {"peak_rss_mb", peak_rss_mb()},
                         {"raw_commits_per_s", raw.commits_per_s},
                         {"raw_steps_per_s", raw.steps_per_s},
                         {"steps_to_raw", speed.steps_per_s / raw.steps_per_s},
                         {"run_to_seven_commits", percentile(times, 0.50) / bare_run_ms}};
  std::cout << line.dump() << '\n' << std::flush;
}

int run_program(int argc, char** argv) {
  settings given;
  CLI::App app(
      "Measures runs of five no-op steps on SQLite (WAL, synchronous=FULL), beside the raw limits of the same "
      "run. One JSON object per line.");
  app.add_option("--concurrency", given.concurrencies, "Runs at the same time; several values allowed");
  app.add_option("--runs", given.runs, "Runs to measure at concurrency 10 and more")
      ->check(CLI::Range(100, 10'000'000));
  app.add_option("--directory", given.directory, "Where to put the database files; default: a new temporary one");
  CLI11_PARSE(app, argc, argv);

  const bool temporary = given.directory.empty();
  if (temporary) {
    std::string name = (std::filesystem::temp_directory_path() / "squid-mesh-bench.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) return 1;
    given.directory = name;
  }
  for (const std::size_t concurrency : given.concurrencies) measure(given, concurrency);
  if (temporary) std::filesystem::remove_all(given.directory);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_program(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
