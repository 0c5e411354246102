// squid_mesh/retention.hpp - which finished runs are deleted, and when.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/ids.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// Which finished runs may go: at least one of `max_age` and `keep`. Where both are set, only what is too old and not
/// among the newest goes; policies that are to hold each for itself are two. Runs that were imported are not meant.
/// With a run goes its idempotency key: a start under it makes a new run.
struct retention_policy {
  std::string workflow{};              ///< empty: every workflow, each for itself
  std::vector<run_status> statuses{};  ///< only those that have ended so; terminal ones; empty: all terminal ones
  /// Since the end of the run, by the database's clock; at most 1,000 years.
  std::optional<milliseconds> max_age{};
  /// Of each workflow, so many of the runs that have ended so stay: those that ended last. They are counted once for
  /// each pass, by an index.
  std::optional<std::size_t> keep{};
};

/// Takes the document of a run (see `mesh::export_run`) that is to be deleted next. Where it returns an error or
/// throws, the run stays, and is tried again in the next pass. It is called again for a run that was exported but could
/// not be deleted, and by several processes at once where they have the same policies. It may take its time; it must
/// not call `mesh::stop`.
using export_sink = std::function<result<void>(const json& document)>;

struct prune_options {
  std::size_t limit = 1'000;  ///< runs, at most
  /// The time to leave between batches of 200 runs, so that work goes on undisturbed.
  milliseconds pause{0};
  export_sink export_to{};  ///< unset: they are not exported
};

/// A run that was to be deleted and could not be exported before.
struct prune_failure {
  run_id run;
  error reason;
};

/// What pruning has come to.
struct prune_report {
  std::size_t pruned = 0;             ///< runs that are gone
  std::vector<prune_failure> failed;  ///< runs that are still there
};

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
