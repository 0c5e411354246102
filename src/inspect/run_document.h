// A run as one JSON document: with its definition and its whole history, to be looked at elsewhere.
#pragma once

#include "inspect/view.h"
#include "progress/run_state.h"

#include <squid_mesh/error.hpp>
#include <squid_mesh/json.hpp>
#include <squid_mesh/time.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace squid_mesh::inline v1 {

// Stored in documents: never change them. A document has these keys:
//
//   format, version, exported_at
//   run         id, workflow, definition (the fingerprint), trigger, payload, started_at, queue, priority, status, and
//               where there are such: start_key, deadline, origin, ended_at, imported_at
//   definition  as `definition::to_json`
//   facts       each with seq, kind, at, and where there are such: step, started_at, node, data (see `fact_kind`),
//               transition (the index of the one along which the fact has led: with masked values, the conditions might
//               say otherwise)
//   jobs        the rows of the job table that the run names, as far as they are still there
inline constexpr std::string_view document_format = "squid_mesh.run";
inline constexpr std::int64_t document_version = 1;

/// The status of a run as its document says it: that of its journal. While its job was executed, it was shown as
/// running whatever its journal said of what is due.
run_status told_status(run_status shown, const run_state& state);

/// Secrets of the payload are masked in everything. `errc::storage` for a damaged journal.
result<json> write_document(const view_request& request, time_point now);

/// A run from a document, as it is to be stored.
struct run_copy {
  journal history;
  std::shared_ptr<const squid_mesh::definition> definition;
};

/// `errc::invalid_argument` lists what is wrong, with its path: nothing but what `write_document` makes is accepted,
/// and everything that is shown of the run can be shown.
result<run_copy> read_document(const json& document, time_point now);

}  // namespace squid_mesh::inline v1
