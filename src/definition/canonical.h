// The canonical JSON of a workflow.
#pragma once

#include "definition/draft.h"

#include <squid_mesh/json.hpp>

namespace squid_mesh::inline v1 {

/// Every key present, durations in milliseconds, null for what doesn't apply. A declaration need not be checked: what
/// is wrong with it is in its JSON too, for `read_draft` to find. A draft must have been checked.
json canonical(const declaration& declared);
json canonical(const detail::draft& checked);

}  // namespace squid_mesh::inline v1
