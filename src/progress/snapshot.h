// Snapshots: where a run is, as text, so that a long journal need not be read from its beginning.
#pragma once

#include "progress/run_state.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>

#include <memory>

namespace squid_mesh::inline v1 {

/// Whether so much has happened since the last snapshot that reading it costs more than a new one. The more a snapshot
/// takes, the longer it has to last: all of a run's but the first together are not longer than its journal.
bool is_snapshot_due(const run_state& state);

/// What the journal so far has come to. The state notes that it was taken.
snapshot take_snapshot(run_state& state);

/// The state that was taken. Fails with `errc::storage` where it can't be told: because another version of this library
/// has written the snapshot, or the run has been moved to another definition since. The journal still says it.
result<run_state> restore(std::shared_ptr<const definition> workflow, const run_record& run, const snapshot& kept);

}  // namespace squid_mesh::inline v1
