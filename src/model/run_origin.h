// Where a run comes from, as its row says it.
#pragma once

#include "model/records.h"

#include <squid_mesh/json.hpp>

#include <optional>

namespace squid_mesh::inline v1 {

/// `run_record::origin`; an object, whatever the row says.
json origin_of(const run_record& run);

/// The run that has started this one; nullopt where none has, or where the row doesn't say it in a way that can be
/// read.
std::optional<parent_link> parent_of(const run_record& run);

run_label label_of(const run_record& run);

/// What the origin says under the key `parent`.
json to_json(const parent_link& parent);

}  // namespace squid_mesh::inline v1
