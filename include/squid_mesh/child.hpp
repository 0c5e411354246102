// squid_mesh/child.hpp - runs that other runs start.
#pragma once

#include <squid_mesh/time.hpp>

#include <string>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// What becomes of a run when the one that has started it is cancelled or misses its deadline.
enum class on_parent_cancel { cancel, abandon };

/// `cancel`, `abandon`.
std::string_view to_string(on_parent_cancel policy);

/// How a step starts a run of its own: see `step_context::start_child_run`.
struct child_options {
  /// What the parent calls the run, required, at most 200 bytes: one key of one parent is one run of the workflow.
  std::string key{};
  std::string trigger{};  ///< whose payload is meant; empty: the workflow's first
  on_parent_cancel on_cancel = on_parent_cancel::cancel;
  milliseconds start_after{0};
  milliseconds time_limit{0};  ///< from its start on; zero: none
};

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
