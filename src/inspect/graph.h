// The graph of a run.
#pragma once

#include "inspect/view.h"

#include <squid_mesh/error.hpp>
#include <squid_mesh/graph.hpp>

namespace squid_mesh::inline v1 {

/// `errc::storage` for a damaged journal.
result<run_graph> graph_run(const view_request& request);

}  // namespace squid_mesh::inline v1
