// Moving a run to another definition of its workflow.
#pragma once

#include "progress/run_state.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>

#include <map>
#include <memory>
#include <string>

namespace squid_mesh::inline v1 {

/// Steps that are called otherwise in another definition: the new names by the old ones.
using step_names = std::map<std::string, std::string>;

/// The journal with all steps called as in the definition by which the run goes on, whatever they were called before it
/// was moved there. What it says of a move then has the names as "renamed", so that they aren't applied twice.
journal in_present_words(journal history);

/// Where the run is by another definition of its workflow. That is sound if the definition could have had this very
/// history, and comes to the same point by it: the same steps were visited as often, the same are active on the same
/// branches, and go on with the same: what they wait for, lists that have begun, and the names and inputs of steps that
/// have been tried. What has completed means the same: its output's name, and what makes it good. Then what the
/// definitions differ in is all ahead.
///
/// Fails with `errc::invalid_argument` for names that don't fit the definitions, and with `errc::conflict` of the kind
/// "other_history", "other_position", "other_terms" or "other_payload".
result<run_state> migrated(const run_state& now, journal whole, std::shared_ptr<const definition> to,
                           const step_names& steps);

}  // namespace squid_mesh::inline v1
