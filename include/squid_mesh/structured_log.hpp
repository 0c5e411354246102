// squid_mesh/structured_log.hpp - logs for people or for programs, with what each line is about.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/log.hpp>
#include <squid_mesh/telemetry.hpp>

#include <cstddef>
#include <memory>
#include <string>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

enum class log_format {
  text,   ///< `2026-11-25 13:02:11.402 warning shop.checkout 0193... charge #2: the card was declined`
  jsonl,  ///< An object in each line: `time`, `level`, `message`, and of `run_id`, `workflow`, `step`, `attempt`,
          ///< `element` and `details` what is known.
};

struct log_options {
  log_format format = log_format::text;
  level minimum = level::info;  ///< lines below it are dropped
  std::string file{};           ///< appended to, created where it is missing; empty: standard error
  std::size_t max_bytes = 0;    ///< of the file, before another one is begun; 0: no limit
  std::size_t max_files = 5;    ///< older ones that are kept then: `FILE.1`, ...; 1 to 1,000
};

/// For `mesh_options::log`: lines of the library and of actions, which all know their run, step and attempt. Safe to
/// use from several threads. `errc::invalid_argument` for options that make no sense, `errc::unavailable` where the
/// file can't be opened. A line that can't be written later is lost.
result<log_sink> open_log(const log_options& options = {});

/// For `mesh_options::telemetry`: writes a line for each event, with all it says as `details`. What went wrong is a
/// warning, the lives of runs are informational, and all else is for debugging.
std::shared_ptr<telemetry_handler> log_telemetry(log_sink to);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
