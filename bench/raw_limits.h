// What a database itself can do on this machine: the limits that the engine's figures are measured against.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace squid_mesh::bench {

using steady = std::chrono::steady_clock;

inline double seconds_since(steady::time_point start) {
  return std::chrono::duration<double>(steady::now() - start).count();
}

inline constexpr std::size_t steps_per_run = 5;

/// What each step returns, here and in the engine's runs: about one hundred bytes of JSON.
inline constexpr std::string_view step_output_text =
    "about one hundred bytes of output, as a step of a workflow might well return them to us.";

struct raw_limits {
  double commits_per_s = 0;  ///< single small rows, one transaction each
  double steps_per_s = 0;    ///< the engine's row writes for 5-step runs, by hand, 100 steps' worth in a transaction
};

struct raw_amounts {
  std::size_t commits = 2000;
  std::size_t runs = 5000;
};

/// Measures in a file with the engine's schema and durability: WAL, synchronous=FULL.
raw_limits measure_raw_sqlite(const std::string& path, const raw_amounts& amounts);

/// Measures in a schema that the library has migrated and nobody has used, with the server's durability.
raw_limits measure_raw_postgres(const std::string& url, const std::string& schema, const raw_amounts& amounts);

// -- For those who measure them

/// Ids grow with time, as those of runs do.
inline std::array<std::uint8_t, 16> raw_run_id(std::size_t i) {
  std::array<std::uint8_t, 16> id{};
  for (std::size_t byte = 0; byte < 8; ++byte) id[byte] = static_cast<std::uint8_t>(i >> (56 - 8 * byte));
  return id;
}

/// As the engine stores it.
inline std::string step_output() { return R"({"text":")" + std::string(step_output_text) + R"("})"; }

/// Job ids count from 1.
inline std::int64_t raw_job_id(std::size_t i) { return static_cast<std::int64_t>(i) + 1; }

/// The runs that one transaction is about.
struct run_range {
  std::size_t begin = 0;
  std::size_t end = 0;
  [[nodiscard]] std::size_t size() const { return end - begin; }
};

template <class Insert>
double measure_raw_commits(std::size_t count, Insert&& insert) {
  const auto start = steady::now();
  for (std::size_t i = 0; i < count; ++i) insert();
  return static_cast<double>(count) / seconds_since(start);
}

/// The ten row writes of a 5-step run: its row, its job, the job's fetch, five facts, the ends of both. A hundred runs
/// go along together, as a hundred workers would have them: the writer's `start` and each `step` of them is one
/// transaction. The fetch goes with the first step, and the ends with the last.
template <class Writer>
double measure_raw_steps(std::size_t runs, Writer&& writer) {
  constexpr std::size_t batch = 100;
  const auto for_batches = [&](auto&& work) {
    for (std::size_t from = 0; from < runs; from += batch) work(run_range{from, std::min(from + batch, runs)});
  };
  const auto start = steady::now();
  for_batches([&](run_range range) { writer.start(range); });
  for_batches([&](run_range range) {
    for (std::size_t seq = 1; seq <= steps_per_run; ++seq) writer.step(range, seq);
  });
  return static_cast<double>(runs * steps_per_run) / seconds_since(start);
}

}  // namespace squid_mesh::bench
