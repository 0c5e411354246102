// Why a run is where it is.
#pragma once

#include "inspect/view.h"

#include <squid_mesh/error.hpp>
#include <squid_mesh/explanation.hpp>
#include <squid_mesh/time.hpp>

namespace squid_mesh::inline v1 {

/// `now` tells what is due from what has to wait. `errc::storage` for a damaged journal.
result<explanation> explain(const view_request& request, time_point now);

}  // namespace squid_mesh::inline v1
