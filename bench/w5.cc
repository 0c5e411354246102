#include "w5.h"

#include "must.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <iostream>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace squid_mesh::bench {
namespace {

using namespace std::chrono_literals;

/// Starts them in batches of 100 and returns the last one.
run_ref start_all(mesh& host, std::size_t runs) {
  constexpr std::size_t batch = 100;
  run_ref last;
  for (std::size_t done = 0; done < runs; done += batch) {
    std::vector<json> payloads;
    for (std::size_t i = done; i < std::min(done + batch, runs); ++i) payloads.push_back({{"n", i}});
    last = must(host.start_runs(w5.name, payloads)).back();
  }
  return last;
}

/// Runs are worked on in their order, so hardly any is left when the last one ends. Asking for each of them would take
/// as long as working on it.
void wait_for_all(const mesh& host, const run_ref& last) {
  must(host.await_run(last.id, 10min));
  const run_filter open{.statuses = {run_status::pending, run_status::running, run_status::retrying, run_status::paused,
                                     run_status::failed, run_status::cancelling, run_status::cancelled},
                        .limit = 1};
  for (auto page = must(host.list_runs(open)); !page.runs.empty(); page = must(host.list_runs(open))) {
    if (is_terminal(page.runs.front().status)) throw std::runtime_error("a run has not completed");
    std::this_thread::sleep_for(1ms);
  }
}

std::vector<double> latencies_of_client(mesh& host, std::size_t runs) {
  std::vector<double> times;
  for (std::size_t i = 0; i < runs; ++i) {
    const auto start = steady::now();
    const auto run = must(host.start_run(w5, {{"n", i}}));
    must(host.await_run(run.id, 10min));
    times.push_back(seconds_since(start) * 1000);
  }
  return times;
}

}  // namespace

mesh open_w5(const std::string& database) {
  const auto log = [](level severity, std::string_view line) {
    if (severity >= level::warning) std::cerr << line << '\n';
  };
  mesh made = must(mesh::open({.database = database, .log = log}));
  must(made.add(w5));
  return made;
}

work_options options_of(const working& how) {
  work_options options{.queues = {{"squid_mesh", how.concurrency}}};
  if (!how.batching) options.max_batch = 1;
  return options;
}

throughput measure_throughput(mesh& host, std::size_t runs, const std::function<std::uint64_t()>& write_transactions) {
  const std::uint64_t before = write_transactions();
  const auto start = steady::now();
  const run_ref last = start_all(host, runs);
  const double enqueued = seconds_since(start);
  wait_for_all(host, last);
  const double worked = seconds_since(start);
  const auto total = static_cast<double>(runs);
  return {.steps_per_s = total * static_cast<double>(steps_per_run) / worked,
          .commits_per_run = static_cast<double>(write_transactions() - before) / total,
          .enqueue_per_s = total / enqueued};
}

double measure_enqueue(mesh& host, std::size_t runs) {
  const auto start = steady::now();
  start_all(host, runs);
  return static_cast<double>(runs) / seconds_since(start);
}

std::vector<double> measure_latency(mesh& host, std::size_t clients, std::size_t runs) {
  std::vector<std::future<std::vector<double>>> working_clients;
  working_clients.reserve(clients);
  for (std::size_t c = 0; c < clients; ++c) {
    working_clients.push_back(
        std::async(std::launch::async, [&, c] { return latencies_of_client(host, (runs + c) / clients); }));
  }
  std::vector<double> all;
  for (auto& client : working_clients) {
    const auto times = client.get();
    all.insert(all.end(), times.begin(), times.end());
  }
  return all;
}

}  // namespace squid_mesh::bench
