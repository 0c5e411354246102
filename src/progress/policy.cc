#include "progress/policy.h"

#include "base/json_path.h"

#include <algorithm>
#include <cmath>

namespace squid_mesh::inline v1 {
namespace {

microseconds backoff_delay(const backoff& policy, int counted, double chance) {
  const double max = static_cast<double>(microseconds(policy.max).count());
  const double grown = static_cast<double>(microseconds(policy.min).count()) * std::pow(policy.factor, counted - 1);
  const double capped = std::min(grown, max);
  return microseconds(static_cast<std::int64_t>(capped + capped * policy.jitter * chance));
}

/// Keys as of `compensation_input`.
json input_of_compensation(const run_state& state) {
  const completion done = state.compensated.value_or(completion());
  return {{"payload", state.start_context},
          {"context", state.context},
          {"input", done.input},
          {"output", done.output},
          {"failure", state.error.value_or(json())}};
}

}  // namespace

std::optional<microseconds> delay_after_failure(const retry_policy& policy, const error& reason, int counted,
                                                double chance) {
  const int allowed = policy.max_attempts == retry_policy::unset ? 1 : policy.max_attempts;
  if (!reason.retryable || counted >= allowed) return std::nullopt;
  const microseconds asked = reason.retry_after ? microseconds(*reason.retry_after) : microseconds(0);
  return std::max({backoff_delay(policy.backoff, counted, chance), asked, microseconds(0)});
}

bool runs_again_after_loss(const retry_policy& policy, int counted) {
  const int allowed = policy.max_attempts == retry_policy::unset ? retry_policy::unset_lost_limit : policy.max_attempts;
  return counted < allowed;
}

result<json> select_input(const definition::step& step, const json& context) {
  json input = json::object();
  std::vector<problem> missing;
  for (const auto& [name, path] : step.input) {
    if (const json* found = find_at_path(context, path)) {
      input[name] = *found;
    } else {
      missing.push_back({.path = path, .rule = "input_is_missing", .message = "the run's context has no " + path});
    }
  }
  if (missing.empty()) return input;
  return std::unexpected(error{.code = errc::missing_input,
                               .message = "step " + step.name + " can't begin: its input is not in the run's context",
                               .problems = std::move(missing)});
}

result<json> input_of(const run_state& state, std::size_t step) {
  if (state.is_compensation(step)) return input_of_compensation(state);
  if (const auto& edited = state.steps[step].edited_input) return *edited;
  const definition::step& declared = state.definition->steps()[step];
  const bool reads_context = declared.kind == step_kind::action;
  if (!reads_context && declared.input.empty()) return json::object();
  json visible = state.visible_context(step);
  if (declared.input.empty()) return visible;
  return select_input(declared, visible);
}

result<list_input> list_input_of(const run_state& state, std::size_t step) {
  const definition::step& declared = state.definition->steps()[step];
  const json visible = state.visible_context(step);
  auto shared = select_input(declared, visible);
  if (!shared) return std::unexpected(std::move(shared).error());
  const std::string& path = declared.for_each.list;
  const json* const list = find_at_path(visible, path);
  if (list == nullptr) {
    const std::string message = "the run's context has no " + path;
    return std::unexpected(error{.code = errc::missing_input,
                                 .message = "step " + declared.name + " can't begin: " + message,
                                 .problems = {{.path = path, .rule = "input_is_missing", .message = message}}});
  }
  if (!list->is_array()) {
    return std::unexpected(error{.code = errc::invalid_argument,
                                 .message = "step " + declared.name + " can't begin: " + path + " is not a list"});
  }
  return list_input{.items = *list, .shared = *std::move(shared)};
}

result<std::string> encode_output(const definition& workflow, std::size_t of, const json& output) {
  const definition::step& step = workflow.steps()[of];
  if (output.is_null()) return std::string();
  if (step.output.empty() && !output.is_object() && !workflow.compensated_by(of)) {
    return std::unexpected(error{.code = errc::invalid_argument,
                                 .message = "step " + step.name + " returned a value of type " + output.type_name() +
                                            ", which can't be merged into the context: return an object, or declare "
                                            ".output"});
  }
  try {
    return output.dump();
  } catch (const json::exception& e) {
    return std::unexpected(error{.code = errc::invalid_argument,
                                 .message = "the output of step " + step.name + " can't be stored: " + e.what()});
  }
}

}  // namespace squid_mesh::inline v1
