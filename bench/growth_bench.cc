// Measures what a step costs in runs of many steps, beside runs of few: a join over N steps that go on side by side,
// a loop of N visits, and one of N visits with a wait after each. Prints one JSON object per line; see `--help`.
#include "databases.h"
#include "must.h"

#include <squid_mesh/squid_mesh.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::bench {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

struct settings {
  databases on;
  std::vector<std::size_t> sizes{10, 100, 1000, 10'000};
  std::size_t concurrency = 10;
  std::size_t steps = 3000;  ///< of each measurement, over all its runs
};

/// `n` steps side by side, and one after all of them.
json join_over(std::size_t n) {
  json steps = json::array();
  json names = json::array();
  for (std::size_t i = 0; i < n; ++i) {
    const std::string name = "part_" + std::to_string(i);
    names.push_back(name);
    steps.push_back({{"name", name}, {"output", name}});
  }
  steps.push_back({{"name", "join"}, {"output", "joined"}, {"after", names}});
  return {{"name", "bench.join_" + std::to_string(n)}, {"triggers", {{{"name", "manual"}}}}, {"steps", steps}};
}

/// One step, visited `n` times.
json loop_of(std::size_t n) {
  return {{"name", "bench.loop_" + std::to_string(n)},
          {"triggers", {{{"name", "manual"}}}},
          {"steps", {{{"name", "visit"}, {"output", "seen"}}}},
          {"transitions",
           {{{"from", "visit"}, {"to", "visit"}, {"at_most", n - 1}}, {{"from", "visit"}, {"to", "complete"}}}}};
}

/// One step, visited `n` times, with a wait of a millisecond in between: each ends with another delivery.
json waits_of(std::size_t n) {
  return {
      {"name", "bench.waits_" + std::to_string(n)},
      {"triggers", {{{"name", "manual"}}}},
      {"steps",
       {{{"name", "visit"}, {"output", "seen"}}, {{"name", "rest"}, {"kind", "wait"}, {"wait", {{"duration_ms", 1}}}}}},
      {"transitions",
       {{{"from", "visit"}, {"to", "rest"}, {"at_most", n - 1}},
        {{"from", "visit"}, {"to", "complete"}},
        {{"from", "rest"}, {"to", "visit"}}}}};
}

struct shape {
  const char* name;
  std::function<json(std::size_t)> document;
  std::size_t largest;  ///< a definition has only so many steps
};
const std::vector<shape>& shapes() {
  static const std::vector<shape> all{
      {"join", join_over, 4'000}, {"loop", loop_of, 1'000'000}, {"waits", waits_of, 1'000'000}};
  return all;
}

std::vector<std::size_t> sizes_of(const shape& of, std::vector<std::size_t> sizes) {
  std::erase_if(sizes, [&](std::size_t n) { return n > of.largest; });
  return sizes;
}

/// Microseconds for each step, over as many runs as make up the steps.
double measure(mesh& host, const std::string& workflow, std::size_t n, std::size_t steps) {
  const std::size_t runs = std::max<std::size_t>(1, steps / n);
  const auto begin = steady::now();
  for (std::size_t i = 0; i < runs; ++i) {
    const auto run = must(host.await_run(must(host.start_run(workflow)).id, 10min));
    if (run.status != run_status::completed) throw std::runtime_error("a run has not completed");
  }
  const auto taken = std::chrono::duration<double, std::micro>(steady::now() - begin);
  return taken.count() / static_cast<double>(runs * n);
}

void measure_all(const settings& given, const std::string& database) {
  const auto where = given.on.new_place(database);
  mesh host = must(mesh::open({.database = where->url(), .log = [](level, std::string_view) {}}));
  for (const shape& each : shapes()) {
    for (const std::size_t n : sizes_of(each, given.sizes)) {
      auto workflow = must(definition::from_json(each.document(n)));
      std::map<std::string, handler> handlers;
      for (const auto& step : workflow.steps()) {
        if (step.kind == step_kind::action) handlers[step.name] = make_handler([](const json&) { return json(1); });
      }
      must(host.add(std::move(workflow), std::move(handlers)));
    }
  }
  must(host.start({.queues = {{"squid_mesh", given.concurrency}}}));
  for (const shape& each : shapes()) {
    std::optional<double> smallest;
    for (const std::size_t n : sizes_of(each, given.sizes)) {
      const std::string name = std::string("bench.") + each.name + "_" + std::to_string(n);
      if (!smallest) measure(host, name, n, given.steps / 10);
      const double us_per_step = measure(host, name, n, given.steps);
      if (!smallest) smallest = us_per_step;
      const json line = {{"bench", each.name},
                         {"database", database},
                         {"n", n},
                         {"concurrency", given.concurrency},
                         {"us_per_step", us_per_step},
                         {"to_smallest", us_per_step / *smallest}};
      std::cout << line.dump() << '\n' << std::flush;
    }
  }
}

int run_program(int argc, char** argv) {
  settings given;
  CLI::App app(
      "Measures what a step costs in a join over N steps, in a loop of N visits, and with a wait after each visit.");
  given.on.add_options(app);
  app.add_option("--sizes", given.sizes, "The values of N, the smallest first")->check(CLI::Range(2, 1'000'000));
  app.add_option("--concurrency", given.concurrency, "Steps at the same time")->check(CLI::Range(1, 10'000));
  app.add_option("--steps", given.steps, "Steps of each measurement")->check(CLI::Range(100, 10'000'000));
  CLI11_PARSE(app, argc, argv);
  given.on.complete();
  for (const std::string& database : given.on.names()) measure_all(given, database);
  return 0;
}

}  // namespace
}  // namespace squid_mesh::bench

int main(int argc, char** argv) { return squid_mesh::bench::run_guarded(squid_mesh::bench::run_program, argc, argv); }
