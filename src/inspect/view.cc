#include "inspect/view.h"

#include "base/redact.h"
#include "progress/payload.h"
#include "progress/policy.h"
#include "progress/run_state.h"

#include <algorithm>
#include <string>
#include <utility>

namespace squid_mesh {
namespace {

json parse_data(const fact& f) { return f.data.empty() ? json() : json::parse(f.data, nullptr, false); }

std::optional<json> member(const json& data, const char* key) {
  if (!data.is_object()) return std::nullopt;
  const auto found = data.find(key);
  return found == data.end() ? std::nullopt : std::optional<json>(*found);
}

std::optional<time_point> instant(const json& data, const char* key) {
  const auto value = member(data, key);
  if (!value || !value->is_number_integer()) return std::nullopt;
  return time_point(microseconds(value->get<std::int64_t>()));
}

attempt_status status_of(const fact& f, const json& data) {
  switch (f.kind) {
    case fact_kind::attempt_lost:
      return attempt_status::lost;
    case fact_kind::attempt_interrupted:
      return attempt_status::interrupted;
    case fact_kind::step_failed: {
      const json code = member(data, "error").value_or(json::object()).value("code", json());
      return code == to_string(errc::timeout) ? attempt_status::timed_out : attempt_status::failed;
    }
    default:
      return attempt_status::completed;
  }
}

/// Builds one view from one request.
class viewer {
 public:
  viewer(const view_request& request, run_state state)
      : request_(request),
        run_(request.history.run),
        state_(std::move(state)),
        payload_(json::parse(run_.payload, nullptr, false)),
        secrets_(secrets_of(*request.definition, run_.trigger, payload_)) {}

  run_view operator()() {
    run_view view;
    static_cast<run_summary&>(view) = summarise(run_);
    view.definition = run_.definition;
    view.payload = masked_payload();
    view.context = secrets_.mask(masked_fields(state_.context));
    if (state_.current) view.current_step = step_at(*state_.current).name;
    if (state_.error) view.error = secrets_.mask(*state_.error);
    for (const fact& f : request_.history.facts) add_attempt(view, f);
    add_running_attempt(view);
    for (std::size_t i = 0; i < state_.steps.size(); ++i) view.steps.push_back(show_step(i, view.attempts));
    if (request_.options.include_history) {
      add_history(view);
    } else {
      view.attempts.clear();
    }
    return view;
  }

 private:
  [[nodiscard]] const definition::step& step_at(std::size_t i) const { return request_.definition->steps()[i]; }

  /// Secret fields are masked whatever their type; a boolean can't be recognised by its value.
  [[nodiscard]] json masked_fields(json object) const {
    const definition::trigger* trigger = request_.definition->find_trigger(run_.trigger);
    if (trigger == nullptr) return object;
    for (const definition::field& field : trigger->payload) {
      if (field.is_secret && object.contains(field.name) && object[field.name] == payload_.value(field.name, json())) {
        object[field.name] = mask_text;
      }
    }
    return object;
  }
  [[nodiscard]] json masked_payload() const { return secrets_.mask(masked_fields(payload_)); }

  static int number_of(const run_view& view, const std::string& step) {
    return 1 + static_cast<int>(std::ranges::count(view.attempts, step, &attempt_view::step));
  }

  void add_attempt(run_view& view, const fact& f) const {
    if (!f.started_at) return;
    const json data = parse_data(f);
    auto reason = f.kind == fact_kind::step_completed ? std::nullopt : member(data, "error");
    view.attempts.push_back(
        {.step = f.step,
         .number = number_of(view, f.step),
         .status = status_of(f, data),
         .started_at = *f.started_at,
         .ended_at = f.at,
         .node = f.node,
         .error = reason ? std::optional(secrets_.mask(*std::move(reason))) : std::nullopt,
         .retry_at = f.kind == fact_kind::step_completed ? std::nullopt : instant(data, "retry_at")});
  }

  /// The attempt that is going on: it has no fact yet, but the run's job says who has it since when.
  void add_running_attempt(run_view& view) const {
    if (!state_.current || !request_.job || request_.job->state != jobs::state::executing) return;
    const definition::step& step = step_at(*state_.current);
    if (step.kind == step_kind::wait) return;
    const json node = json::parse(request_.job->attempted_by, nullptr, false);
    view.attempts.push_back(
        {.step = step.name,
         .number = number_of(view, step.name),
         .status = attempt_status::running,
         .started_at = std::max(request_.job->attempted_at.value_or(state_.last_at), state_.last_at),
         .ended_at = std::nullopt,
         .node = node.is_array() && !node.empty() && node[0].is_string() ? node[0].get<std::string>() : std::string(),
         .error = std::nullopt,
         .retry_at = std::nullopt});
  }

  [[nodiscard]] step_status shown_status(std::size_t i) const {
    const step_status status = state_.steps[i].status;
    if (status == step_status::pending && is_terminal(state_.status)) return step_status::skipped;
    // The current step of a run whose job nobody has yet is due, not running.
    const bool executing = request_.job && request_.job->state == jobs::state::executing;
    return status == step_status::running && !executing ? step_status::pending : status;
  }

  [[nodiscard]] step_view show_step(std::size_t i, const std::vector<attempt_view>& attempts) const {
    const definition::step& step = step_at(i);
    step_view shown{.name = step.name,
                    .kind = std::string(to_string(step.kind)),
                    .status = shown_status(i),
                    .input = std::nullopt,
                    .output = std::nullopt,
                    .error = std::nullopt,
                    .until = state_.steps[i].until,
                    .attempts = {}};
    std::ranges::copy_if(attempts, std::back_inserter(shown.attempts),
                         [&](const attempt_view& a) { return a.step == step.name; });
    if (step.kind == step_kind::action) shown.input = input_of(i);
    for (const fact& f : request_.history.facts) {
      if (f.step != step.name) continue;
      if (f.kind == fact_kind::step_completed) {
        shown.output = secrets_.mask(parse_data(f));
        shown.error.reset();
      } else if (auto reason = member(parse_data(f), "error")) {
        shown.error = secrets_.mask(*std::move(reason));
      }
    }
    return shown;
  }

  /// What a step read when it last ended, or would read now: from the context as it was before it.
  [[nodiscard]] std::optional<json> input_of(std::size_t i) const {
    const step_status status = state_.steps[i].status;
    if (status == step_status::pending && state_.current != i) return std::nullopt;
    auto past = begin(request_.definition, run_);
    if (!past) return std::nullopt;
    for (const fact& f : request_.history.facts) {
      if (f.step == step_at(i).name && (f.kind == fact_kind::step_completed || past->current == i)) break;
      if (!apply(*past, f)) return std::nullopt;
    }
    if (step_at(i).input.empty()) return secrets_.mask(masked_fields(past->context));
    auto selected = select_input(step_at(i), past->context);
    if (!selected) return std::nullopt;
    return secrets_.mask(*std::move(selected));
  }

  void add_history(run_view& view) const {
    view.history.push_back({.seq = 0,
                            .at = run_.started_at,
                            .kind = "run_started",
                            .step = {},
                            .details = {{"trigger", run_.trigger}, {"payload", view.payload}}});
    for (const fact& f : request_.history.facts) {
      json details = json::object();
      const json data = parse_data(f);
      if (f.kind == fact_kind::step_completed) {
        if (!data.is_null()) details["output"] = data;
      } else if (data.is_object()) {
        details = data;
        for (const char* key : {"retry_at", "until"}) {
          if (const auto at = instant(data, key)) details[key] = to_string(*at);
        }
      }
      if (!f.node.empty()) details["node"] = f.node;
      view.history.push_back({.seq = f.seq,
                              .at = f.at,
                              .kind = std::string(to_string(f.kind)),
                              .step = f.step,
                              .details = secrets_.mask(std::move(details))});
    }
    if (!is_terminal(state_.status)) return;
    json details = json::object();
    if (view.error) details["error"] = *view.error;
    view.history.push_back({.seq = state_.last_seq,
                            .at = state_.last_at,
                            .kind = "run_" + std::string(to_string(state_.status)),
                            .step = {},
                            .details = std::move(details)});
  }

  const view_request& request_;
  const run_record& run_;
  const run_state state_;
  const json payload_;
  const redactor secrets_;
};

}  // namespace

run_summary summarise(const run_record& run) {
  return {.id = run.id,
          .workflow = run.workflow,
          .trigger = run.trigger,
          .status = run.shown_status,
          .started_at = run.started_at,
          .ended_at = run.ended_at};
}

result<run_view> view_run(const view_request& request) {
  auto state = fold(request.definition, request.history);
  if (!state) return std::unexpected(std::move(state).error());
  return viewer(request, *std::move(state))();
}

}  // namespace squid_mesh
