#include "progress/payload.h"

#include "cron/zones.h"

#include <squid_mesh/detail/text.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

bool has_type(const json& value, type wanted) {
  switch (wanted) {
    case type::string:
      return value.is_string();
    case type::integer:
      return value.is_number_integer();
    case type::floating:
      return value.is_number();
    case type::boolean:
      return value.is_boolean();
    case type::object:
      return value.is_object();
    case type::list:
      return value.is_array();
  }
  return false;
}

std::unexpected<error> refuse(std::string message, std::vector<problem> problems) {
  return std::unexpected(
      error{.code = errc::invalid_payload, .message = std::move(message), .problems = std::move(problems)});
}

/// A declared field's value: the given one, or its default; null where an optional field is left out.
result<json> value_of(const definition::trigger& trigger, const definition::field& field, const json& payload,
                      time_point now, std::vector<problem>& problems) {
  const std::string path = "payload." + field.name;
  if (const auto given = payload.find(field.name); given != payload.end()) {
    if (!has_type(*given, field.type)) {
      problems.push_back({.path = path,
                          .rule = "field_has_the_wrong_type",
                          .message = field.name + " has to be of type " + std::string(to_string(field.type)) +
                                     ", not " + given->type_name()});
    }
    return *given;
  }
  if (field.fallback) return *field.fallback;
  if (field.is_today) {
    auto date = date_in_zone(now, trigger.timezone);
    if (!date) return std::unexpected(std::move(date).error());
    return json(*std::move(date));
  }
  if (!field.is_optional) {
    problems.push_back({.path = path, .rule = "field_is_missing", .message = field.name + " is required"});
  }
  return json();
}

void find_undeclared(const definition::trigger& trigger, const json& payload, std::vector<problem>& problems) {
  for (const auto& [key, value] : payload.items()) {
    if (!detail::is_utf8(key)) {
      problems.push_back({.path = "payload", .rule = "payload_is_not_utf8", .message = "a field's name is not UTF-8"});
    } else if (std::ranges::find(trigger.payload, key, &definition::field::name) == trigger.payload.end()) {
      problems.push_back({.path = "payload." + key,
                          .rule = "field_is_not_declared",
                          .message = key + " is not a field of trigger " + trigger.name});
    }
  }
}

}  // namespace

result<std::string> accept_payload(const definition::trigger& trigger, const json& payload, time_point now,
                                   std::size_t max_bytes) {
  if (!payload.is_object()) {
    return refuse("the payload has to be an object, not " + std::string(payload.type_name()),
                  {{.path = "payload", .rule = "payload_is_not_an_object", .message = "the payload is not an object"}});
  }
  std::vector<problem> problems;
  json accepted = json::object();
  for (const definition::field& field : trigger.payload) {
    auto value = value_of(trigger, field, payload, now, problems);
    if (!value) return std::unexpected(std::move(value).error());
    if (!value->is_null()) accepted[field.name] = *std::move(value);
  }
  find_undeclared(trigger, payload, problems);
  if (!problems.empty()) return refuse("the payload doesn't fit trigger " + trigger.name, std::move(problems));
  try {
    std::string text = accepted.dump();
    if (text.size() <= max_bytes) return text;
    return refuse(
        "the payload has " + std::to_string(text.size()) + " bytes, and " + std::to_string(max_bytes) + " are allowed",
        {{.path = "payload", .rule = "payload_is_too_large", .message = "the payload is too large"}});
  } catch (const json::exception&) {
    return refuse("the payload holds text that is not UTF-8",
                  {{.path = "payload", .rule = "payload_is_not_utf8", .message = "the payload is not UTF-8"}});
  }
}

redactor secrets_of(const definition& workflow, std::string_view trigger, const json& payload) {
  redactor secrets;
  const definition::trigger* declared = workflow.find_trigger(trigger);
  if (declared == nullptr || !payload.is_object()) return secrets;
  for (const definition::field& field : declared->payload) {
    const auto value = payload.find(field.name);
    if (field.is_secret && value != payload.end()) secrets.add(*value);
  }
  return secrets;
}

void add_edited_secrets(redactor& secrets, const definition& workflow, std::string_view trigger, std::size_t step,
                        const json& input) {
  const definition::trigger* declared = workflow.find_trigger(trigger);
  if (declared == nullptr || !input.is_object()) return;
  const auto& bindings = workflow.steps()[step].input;
  for (const definition::field& field : declared->payload) {
    if (!field.is_secret) continue;
    if (bindings.empty() && input.contains(field.name)) secrets.add(input[field.name]);
    for (const auto& [key, path] : bindings) {
      if (path.substr(0, path.find_first_of(".[")) == field.name && input.contains(key)) secrets.add(input[key]);
    }
  }
}

redactor secrets_of(const run_state& state, const run_record& run) {
  redactor secrets = secrets_of(*state.definition, run.trigger, json::parse(run.payload, nullptr, false));
  for (std::size_t i = 0; i < state.steps.size(); ++i) {
    const auto& edited = state.steps[i].edited_input;
    if (edited) add_edited_secrets(secrets, *state.definition, run.trigger, i, *edited);
  }
  return secrets;
}

}  // namespace squid_mesh::inline v1
