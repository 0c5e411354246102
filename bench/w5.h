// W5: runs of five sequential no-op steps, each returning about 100 bytes of JSON, until every one is durably complete.
#pragma once

#include "raw_limits.h"

#include <squid_mesh/squid_mesh.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace squid_mesh::bench {

inline json no_op(const json& /*input*/) { return {{"text", step_output_text}}; }

inline constexpr auto w5 = workflow({
    .name = "bench.w5",
    .triggers = {{.name = "manual", .payload = {{"n", type::integer}}}},
    .steps = {{"step_1", action<no_op>, {.output = "one"}},
              {"step_2", action<no_op>, {.output = "two"}},
              {"step_3", action<no_op>, {.output = "three"}},
              {"step_4", action<no_op>, {.output = "four"}},
              {"step_5", action<no_op>, {.output = "five"}}},
    .transitions = {{"step_1", on::ok, "step_2"},
                    {"step_2", on::ok, "step_3"},
                    {"step_3", on::ok, "step_4"},
                    {"step_4", on::ok, "step_5"},
                    {"step_5", on::ok, complete}},
});

/// How each process works.
struct working {
  std::size_t concurrency = 1;
  bool batching = true;  ///< false: each commit has a transaction of its own
};

/// A process's own mesh, which knows the workflow and logs warnings alone.
mesh open_w5(const std::string& database);

work_options options_of(const working& how);

struct throughput {
  double steps_per_s = 0;
  double commits_per_run = 0;
  double enqueue_per_s = 0;  ///< beside the workers
};

/// From the first start until every run is durably complete, the workers working all the while. Starts come in
/// batches of 100, as from a busy host. `write_transactions` counts those of all processes.
throughput measure_throughput(mesh& host, std::size_t runs, const std::function<std::uint64_t()>& write_transactions);

/// Starts per second in batches of 100, while nobody works on them.
double measure_enqueue(mesh& host, std::size_t runs);

/// The times of single runs in milliseconds, one after another per client, from the start call to the awaited end.
std::vector<double> measure_latency(mesh& host, std::size_t clients, std::size_t runs);

}  // namespace squid_mesh::bench
