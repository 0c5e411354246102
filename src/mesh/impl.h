// What a mesh is made of.
#pragma once

#include "inspect/diagnosis.h"
#include "inspect/view.h"
#include "jobs/background.h"
#include "jobs/service.h"
#include "mesh/awaiting.h"
#include "model/commit.h"
#include "runtime/children.h"
#include "runtime/commands.h"
#include "runtime/retention.h"
#include "runtime/workflows.h"

#include <squid_mesh/mesh.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::inline v1 {

struct [[gnu::visibility("hidden")]] mesh::impl {
  impl(std::unique_ptr<storage::store> store, mesh_options given);
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  /// The workers use what is destroyed before them.
  ~impl() { stop(); }

  void stop();

  result<void> mend(time_point now);

  result<std::vector<commit>> plan_starts(std::string_view workflow, const std::vector<json>& payloads,
                                          const start_options& starting);
  /// Writes starts in one transaction, and says which of their runs were there already.
  result<std::vector<run_ref>> write_starts(const std::vector<commit>& starts);

  /// A run with what is needed to look at it.
  result<view_request> ask_about(const run_id& id, inspect_options looking);

  /// Reads and measures what a diagnosis is made of.
  result<health_reading> take_reading(const diagnose_options& asking);

  /// Has runs exported before they are deleted, where there is a sink.
  prune_guard exporting(export_sink sink);
  void begin_retaining(std::vector<retention_policy> policies, export_sink sink);

  mesh_options options;
  awaiting waiters;
  jobs::service workers;
  workflows known;
  children family;
  commander commands;

  std::mutex control_mutex;  ///< held while starting and stopping
  std::unique_ptr<jobs::background> retaining;
};

/// For arguments that make no sense.
std::unexpected<error> invalid(std::string message);

/// Keys go into indexes, which limits their length. `what` names it.
result<void> check_key(std::string_view key, std::string_view what);

}  // namespace squid_mesh::inline v1
