// Read models: what people see of a run, derived from its journal.
#pragma once

#include "model/records.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/run.hpp>

#include <memory>
#include <vector>

namespace squid_mesh::inline v1 {

/// What is to be shown. Needs no workflow code, only the stored definition.
struct view_request {
  journal history;
  std::shared_ptr<const squid_mesh::definition> definition;
  std::vector<job_row> jobs;  ///< those that drive the run's branches, if they are still there
  inspect_options options;
  std::vector<run_record> children{};  ///< the newest ones
};

/// Secrets of the payload are masked in everything. `errc::storage` for a damaged journal.
result<run_view> view_run(const view_request& request);

run_summary summarise(const run_record& run);

}  // namespace squid_mesh::inline v1
