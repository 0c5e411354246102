// A run's state: the fold of its journal.
#pragma once

#include "model/fact.h"
#include "model/records.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/run.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace squid_mesh {

/// How far one step has come.
struct step_progress {
  step_status status = step_status::pending;
  int attempts = 0;  ///< attempts that have ended, of every kind
  int counted = 0;   ///< those of them that count against the retry policy
  bool parked = false;
  std::optional<time_point> until;  ///< of waiting and retrying steps
};

/// Where a run is. A value; made by `begin` and moved on by `apply` alone.
struct run_state {
  std::shared_ptr<const squid_mesh::definition> definition;
  run_id id;
  run_status status = run_status::pending;
  run_status stored_status = run_status::pending;  ///< what the runs table says
  std::int64_t last_seq = 0;
  time_point last_at{};  ///< of the last fact, or of the start
  json context;
  std::vector<step_progress> steps;
  std::optional<std::size_t> current;  ///< the step that is due, running, waiting or retrying; none when the run ended
  std::optional<json> error;           ///< why the run failed
};

/// The state of a run to which nothing has happened yet. Fails with `errc::storage` if the record can't be read.
result<run_state> begin(std::shared_ptr<const definition> workflow, const run_record& run);

/// Moves the state on by the next fact of the journal. Fails with `errc::storage`, and leaves the state unusable, on a
/// fact that can't follow it: a sign of a damaged journal.
result<void> apply(run_state& state, const fact& next);

/// `begin`, then `apply` for every fact.
result<run_state> fold(std::shared_ptr<const definition> workflow, const journal& history);

/// The status that the runs table should show after a commit: see `run_record::status`.
run_status status_to_store(run_status stored, run_status actual, bool job_is_held);

}  // namespace squid_mesh
