// Commands: what people and timers do to runs, whoever works on them.
#pragma once

#include "jobs/node.h"
#include "progress/decide.h"
#include "runtime/workflows.h"

#include <squid_mesh/error.hpp>
#include <squid_mesh/ids.hpp>
#include <squid_mesh/run.hpp>

#include <functional>
#include <vector>

namespace squid_mesh::inline v1 {

/// Of runs that can be cancelled and haven't been.
inline const std::vector<run_status> uncancelled{run_status::pending, run_status::running, run_status::retrying,
                                                 run_status::paused};

/// What a command came to.
struct command_result {
  bool repeated = false;  ///< it was given before, and changed nothing
  run_status status{};    ///< the run's, after it
};

/// Refuses what would change a run that was imported.
result<void> check_is_not_imported(const run_record& run);

/// Gives commands. Whoever changes the run meanwhile is heard first: then the command is decided again. Safe to use
/// from several threads.
class commander {
 public:
  commander(workflows& known, jobs::node& node) : known_(known), node_(node) {}

  /// Waits for it; takes the node's turn where no loop does. Errors: of the store, `conflict` where the run's state
  /// forbids it, `invalid_argument`.
  result<command_result> give(const run_id& run, const command_event& what);

  /// Doesn't wait: `done` is called in a turn of the node, or before this returns, and has to be short. While the
  /// database refuses, it is tried again.
  void give(const run_id& run, const command_event& what, std::function<void(result<command_result>)> done);

 private:
  struct plan;
  result<plan> decide_now(const run_id& run, command_event what);
  void stop_workers(const std::vector<job_id>& jobs);

  workflows& known_;
  jobs::node& node_;
};

}  // namespace squid_mesh::inline v1
