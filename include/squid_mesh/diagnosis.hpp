// squid_mesh/diagnosis.hpp - what is wrong with a database and the processes that work on it, and what to do about it.
#pragma once

#include <squid_mesh/json.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

enum class severity {
  ok,       ///< A check has found nothing wrong.
  notice,   ///< Somebody may want to know it, but nothing has to be done.
  warning,  ///< Something goes worse than it should, or soon will.
  error,    ///< Something doesn't go on until somebody does something.
};
/// `ok`, `notice`, `warning`, `error`.
std::string_view to_string(severity of);

/// One thing that was found, or one check that was passed.
struct finding {
  squid_mesh::severity severity = squid_mesh::severity::ok;
  /// What was looked for, such as `queue_without_workers`. The names are for programs, so they never change:
  /// `database_unreachable`, `database_slow`, `database_read_only`, `schema_missing`, `schema_too_old`,
  /// `schema_too_new`, `server_too_old`, `oban_unsupported`, `clock_skew`, `notifications_lost`, `no_workers`,
  /// `node_dead`, `node_late`, `queue_without_workers`, `queue_paused`, `queue_overloaded`, `run_without_job`,
  /// `run_parked`, `run_blocked`, `compensation_failed`, `schedule_without_job`, `schedule_overdue`, `schedule_paused`,
  /// `job_discarded`, `job_retrying`. A check that was passed has the name of the first thing that it looks for.
  std::string check;
  std::string subject;                ///< a queue, a run, a node, a schedule, a job; empty: all of it
  std::string summary;                ///< a sentence
  std::string advice{};               ///< what to do, in sentences; empty where nothing has to be done
  std::vector<std::string> commands;  ///< of the command line. Words in capitals are to be replaced
  json evidence = nullptr;            ///< what the summary says, for programs; an object or null
};

/// What was found, the worst first, and then the checks that were passed.
struct diagnosis {
  std::vector<finding> findings;

  /// Whether there are neither warnings nor errors.
  [[nodiscard]] bool is_healthy() const;
};

struct diagnose_options {
  /// Work that is due for longer has waited too long, and so has a schedule.
  milliseconds patience{60'000};
  /// How many runs that haven't ended are looked at, of each status, the oldest first; how many jobs of each queue are
  /// counted; and how many runs are explained, which is slower: those that look as if they waited for somebody first.
  std::size_t max_runs = 1'000;
  std::size_t max_jobs = 1'000;
  std::size_t max_explained = 100;
};

json to_json(const finding& found);
/// An object with `healthy` and `findings`.
json to_json(const diagnosis& of);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
