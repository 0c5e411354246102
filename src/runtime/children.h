// Runs that other runs start, as the steps see them that start them.
#pragma once

#include "jobs/node.h"
#include "model/commit.h"
#include "runtime/workflows.h"

#include <squid_mesh/child.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/transaction.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace squid_mesh::inline v1 {

/// Safe to use from several threads.
class children {
 public:
  /// `queue`: where runs of workflows go that name none.
  children(workflows& known, jobs::node& node, std::string queue, std::size_t max_payload_bytes)
      : known_(known), node_(node), queue_(std::move(queue)), max_payload_bytes_(max_payload_bytes) {}

  /// Whether this process knows the workflow whose run a step starts.
  [[nodiscard]] bool knows(std::string_view workflow) const { return known_.find(workflow).has_value(); }

  /// The run that a step starts and waits for. Errors: as of `plan_start`; `not_found`.
  result<commit> plan(const definition::step& step, const parent_link& parent, const json& payload);

  /// Starts a run that nobody waits for, or finds the one that was started under the same key; in the transaction, if
  /// there is one.
  result<run_ref> start(std::string_view workflow, const json& payload, const child_options& options,
                        const parent_link& parent, transaction* within);

  /// What became of a run: its output, or its failure; nullopt while it goes on. Its secrets are masked.
  result<std::optional<result<json>>> outcome_of(const run_id& id);

 private:
  result<commit> plan(std::string_view workflow, const json& payload, const child_options& options,
                      const parent_link& parent, std::string key);

  workflows& known_;
  jobs::node& node_;
  const std::string queue_;
  const std::size_t max_payload_bytes_;
};

}  // namespace squid_mesh::inline v1
