// Measures what a long past costs on PostgreSQL: W5 (see w5.h) beside so many finished runs, looking at runs among
// them, and W5 while a part of them is deleted. Prints one JSON object per line; see `--help`.
#include "databases.h"
#include "must.h"
#include "w5.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::bench {
namespace {

using namespace std::chrono_literals;

struct settings {
  databases on;
  std::size_t past = 1'000'000;
  std::size_t pruned = 100'000;
  std::size_t concurrency = 100;
  std::size_t runs = 10'000;
};

void print(const json& line) { std::cout << line.dump() << '\n' << std::flush; }

/// A process that works on W5.
class worker {
 public:
  worker(const settings& given, const place& where) : runs_(given.runs), host_(open_w5(where.url())) {
    work_options options = options_of({.concurrency = given.concurrency});
    // The past's jobs stay, too, until their runs go.
    options.keep_finished_jobs = std::chrono::years(1);
    must(host_.start(std::move(options)));
    steps_per_s(runs_ / 10);
  }

  double steps_per_s() { return steps_per_s(runs_); }
  mesh& host() { return host_; }

 private:
  double steps_per_s(std::size_t runs) {
    return measure_throughput(host_, runs, [this] { return host_.write_transactions(); }).steps_per_s;
  }

  std::size_t runs_;
  mesh host_;
};

double on_empty_tables(const settings& given) {
  const auto where = given.on.new_postgres_place();
  return worker(given, *where).steps_per_s();
}

/// The times of a hundred calls.
json times_of(const std::function<void()>& call) {
  std::vector<double> ms;
  for (int i = 0; i < 100; ++i) {
    const auto start = steady::now();
    call();
    ms.push_back(seconds_since(start) * 1000);
  }
  std::ranges::sort(ms);
  return {{"ms_p50", ms[50]}, {"ms_max", ms.back()}};
}

void measure_looking(const mesh& host) {
  const run_id some = must(host.list_runs({.statuses = {run_status::completed}, .limit = 1000})).runs.back().id;
  const time_point now = std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
  const std::vector<std::pair<const char*, std::function<void()>>> ways{
      {"list_newest", [&] { must(host.list_runs({})); }},
      {"list_workflow", [&] { must(host.list_runs({.workflow = std::string(w5.name)})); }},
      {"list_failed", [&] { must(host.list_runs({.statuses = {run_status::failed}})); }},
      {"list_live", [&] { must(host.list_runs({.statuses = {run_status::running, run_status::paused}})); }},
      {"list_completed", [&] { must(host.list_runs({.statuses = {run_status::completed}})); }},
      {"list_of_a_day", [&] { must(host.list_runs({.started_from = now - 96h, .started_before = now - 72h})); }},
      {"list_of_nobody", [&] { must(host.list_runs({.workflow = "nobody's"})); }},
      {"inspect", [&] { must(host.inspect_run(some, {.include_history = true})); }},
      {"explain", [&] { must(host.explain_run(some)); }}};
  for (const auto& [name, call] : ways) {
    json line = times_of(call);
    line["bench"] = name;
    print(line);
  }
}

/// Works on, measuring again and again, for as long as runs are deleted.
double while_pruning(const settings& given, worker& work) {
  const auto begun = steady::now();
  auto pruning = std::async(std::launch::async, [&] {
    return must(work.host().prune_runs({.keep = given.past - given.pruned}, {.limit = given.pruned, .pause = 100ms}));
  });
  std::vector<double> speeds;
  while (pruning.wait_for(0s) != std::future_status::ready) speeds.push_back(work.steps_per_s());
  // Most of the last one may have had nothing beside it.
  if (speeds.size() > 1) speeds.pop_back();
  print({{"bench", "prune"}, {"pruned", pruning.get().pruned}, {"seconds", seconds_since(begun)}});
  return std::reduce(speeds.begin(), speeds.end()) / static_cast<double>(speeds.size());
}

void measure(const settings& given) {
  const double empty_before = on_empty_tables(given);
  const auto where = given.on.new_postgres_place();
  {
    worker work(given, *where);
    const run_id run = must(work.host().list_runs({.limit = 1})).runs.front().id;
    where->make_past(run, given.past);
  }
  worker work(given, *where);
  const double beside_past = work.steps_per_s();
  measure_looking(work.host());
  const double before = work.steps_per_s();
  const double pruning = while_pruning(given, work);
  const double after = work.steps_per_s();
  const double empty = std::midpoint(empty_before, on_empty_tables(given));
  print({{"bench", "w5_beside_past"},
         {"past_runs", given.past},
         {"steps_per_s", beside_past},
         {"empty_steps_per_s", empty},
         {"to_empty", beside_past / empty}});
  print({{"bench", "w5_while_pruning"},
         {"steps_per_s", pruning},
         {"steps_per_s_without", std::midpoint(before, after)},
         {"to_without", pruning / std::midpoint(before, after)}});
}

int run_program(int argc, char** argv) {
  settings given;
  CLI::App app(
      "Measures runs of five no-op steps beside many finished runs, looking at runs among them, and work while some of "
      "them are deleted; on PostgreSQL. One JSON object per line.");
  given.on.add_options(app);
  app.add_option("--past", given.past, "Finished runs to work beside")->check(CLI::Range(1'000, 100'000'000));
  app.add_option("--pruned", given.pruned, "How many of them to delete")->check(CLI::Range(100, 100'000'000));
  app.add_option("--concurrency", given.concurrency, "Runs at the same time")->check(CLI::Range(1, 10'000));
  app.add_option("--runs", given.runs, "Runs of each measurement")->check(CLI::Range(100, 10'000'000));
  CLI11_PARSE(app, argc, argv);
  given.on.complete();
  if (std::ranges::count(given.on.names(), "postgres") > 0) measure(given);
  return 0;
}

}  // namespace
}  // namespace squid_mesh::bench

int main(int argc, char** argv) { return squid_mesh::bench::run_guarded(squid_mesh::bench::run_program, argc, argv); }
