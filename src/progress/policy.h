// When a step is tried again, and what it reads.
#pragma once

#include "progress/run_state.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>

#include <optional>
#include <string>

namespace squid_mesh::inline v1 {

/// How long to wait before the next attempt after `counted` attempts that count, the failed one included; nullopt if
/// that was the last. `chance` in [0, 1) is the random part.
std::optional<microseconds> delay_after_failure(const retry_policy& policy, const error& reason, int counted,
                                                double chance);

/// Whether a step whose worker died runs again after `counted` attempts that count, the lost one included.
bool runs_again_after_loss(const retry_policy& policy, int counted);

/// The input of a step with declared bindings; `errc::missing_input` names every path that isn't in the context.
result<json> select_input(const definition::step& step, const json& context);

/// What a step reads: what a person has set, what it has declared, or all that it can see. Of a compensation: a
/// `compensation_input`.
result<json> input_of(const run_state& state, std::size_t step);

/// What a step over a list reads beside each of its elements, and the list.
struct list_input {
  json items;
  json shared;
};
/// `errc::missing_input` where something isn't in the context, `errc::invalid_argument` where the list isn't one.
result<list_input> list_input_of(const run_state& state, std::size_t step);

/// A step's output as journals store it; empty for null. `errc::invalid_argument` for text that isn't UTF-8, and for a
/// value that can't be merged into the context: without an output key it has to be an object.
result<std::string> encode_output(const definition& workflow, std::size_t of, const json& output);

}  // namespace squid_mesh::inline v1
