// Ending a delivery that nothing else is to be written with.
#pragma once

#include "jobs/node.h"
#include "jobs/worker.h"
#include "model/commit.h"

#include <memory>
#include <optional>

namespace squid_mesh::inline v1 {

/// Has the node write what becomes of the job, as soon as the database takes it. The slot is held until then.
void end_delivery(jobs::node& node, const std::shared_ptr<jobs::slot>& place, job_change change,
                  const std::optional<driven_branch>& releases = std::nullopt);

}  // namespace squid_mesh::inline v1
