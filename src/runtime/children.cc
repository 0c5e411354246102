#include "runtime/children.h"

#include "model/run_origin.h"
#include "progress/payload.h"
#include "runtime/start.h"

#include <squid_mesh/detail/input_rules.hpp>
#include <squid_mesh/detail/text.hpp>

#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

constexpr std::size_t max_key_bytes = 200;

/// How far down runs may start runs: one that starts itself would never end.
constexpr int max_depth = 100;

/// What the steps of a run have put into its context.
json output_of(const run_state& state, const json& payload) {
  json output = json::object();
  for (const auto& [key, value] : state.context.items()) {
    const bool is_given = key == detail::schedule_key || (payload.contains(key) && payload[key] == value);
    if (!is_given) output[key] = value;
  }
  return output;
}

error failure_of(const run_state& state, const std::string& workflow) {
  const bool is_cancelled = state.ended == run_status::cancelled;
  const json reason = state.error.value_or(json());
  std::string message = "run " + to_string(state.id) + " of workflow " + workflow;
  message += is_cancelled ? " was cancelled" : " failed";
  if (reason.is_object() && reason.contains("message")) message += ": " + reason["message"].get<std::string>();
  return {.code = errc::step_failed,
          .message = std::move(message),
          .kind = is_cancelled ? "child_cancelled" : "child_failed",
          .retryable = true,
          .details = {{"run", to_string(state.id)}, {"error", reason}}};
}

}  // namespace

result<commit> children::plan(std::string_view workflow, const json& payload, const child_options& options,
                              const parent_link& parent, std::string key) {
  if (parent.depth > max_depth) {
    return std::unexpected(error{.code = errc::invalid_argument,
                                 .message = "runs have started runs " + std::to_string(max_depth) + " deep"});
  }
  auto found = known_.find(workflow);
  if (!found) return std::unexpected(std::move(found).error());
  const time_point now = node_.around().clock->now();
  const auto later = [now](milliseconds delay) {
    return delay.count() > 0 ? std::optional(now + delay) : std::nullopt;
  };
  const auto start_at = later(options.start_after);
  start_request request{.workflow = found->get(),
                        .trigger = options.trigger,
                        .payload = &payload,
                        .queue = queue_,
                        .max_payload_bytes = max_payload_bytes_,
                        .priority = parent.priority,
                        .key = std::move(key),
                        .start_at = start_at,
                        .deadline = later(options.time_limit),
                        .origin = {{"parent", to_json(parent)}},
                        .traceparent = parent.traceparent,
                        .parent = parent.run};
  if (request.deadline && start_at) *request.deadline += options.start_after;
  return plan_start(request, now, *node_.around().random);
}

result<commit> children::plan(const definition::step& step, const parent_link& parent, const json& payload) {
  child_options options;
  options.trigger = step.child.trigger;
  options.time_limit = step.timeout;
  return plan(step.child.workflow, payload, options, parent, {});
}

result<run_ref> children::start(std::string_view workflow, const json& payload, const child_options& options,
                                const parent_link& parent, transaction* within) {
  const bool is_key = !options.key.empty() && options.key.size() <= max_key_bytes && detail::is_utf8(options.key) &&
                      !detail::has_control_character(options.key);
  if (!is_key) {
    return std::unexpected(error{.code = errc::invalid_argument,
                                 .message = "a child's key has to be UTF-8 without control characters, and 1 to " +
                                            std::to_string(max_key_bytes) + " bytes long"});
  }
  if (options.start_after.count() < 0 || options.time_limit.count() < 0) {
    return std::unexpected(
        error{.code = errc::invalid_argument, .message = "start_after and time_limit can't be negative"});
  }
  auto planned = plan(workflow, payload, options, parent, "child:" + to_string(parent.run) + ":" + options.key);
  if (!planned) return std::unexpected(std::move(planned).error());
  std::vector<commit> starts;
  starts.push_back(*std::move(planned));
  auto outcomes =
      within == nullptr ? node_.write(starts) : node_.store().write_in(*within, starts, node_.around().clock->now());
  if (!outcomes) return std::unexpected(std::move(outcomes).error());
  auto refs = refs_of(node_.store(), starts, *outcomes);
  if (!refs) return std::unexpected(std::move(refs).error());
  return refs->front();
}

result<std::optional<result<json>>> children::outcome_of(const run_id& id) {
  auto history = node_.store().read_recent(id);
  if (!history && history.error().code == errc::not_found) {
    return result<json>(std::unexpected(error{.code = errc::step_failed,
                                              .message = "run " + to_string(id) + " is not there any more",
                                              .kind = "child_missing"}));
  }
  if (!history) return std::unexpected(std::move(history).error());
  const auto state = known_.fold(*history);
  if (!state) return std::unexpected(state.error());
  if (!state->ended) return std::nullopt;
  const json payload = json::parse(history->run.payload, nullptr, false);
  const redactor secrets = secrets_of(*state, history->run);
  if (state->ended == run_status::completed) return result<json>(secrets.mask(output_of(*state, payload)));
  error failure = failure_of(*state, history->run.workflow);
  failure.message = secrets.mask(std::move(failure.message));
  failure.details = secrets.mask(std::move(failure.details));
  return result<json>(std::unexpected(std::move(failure)));
}

}  // namespace squid_mesh::inline v1
