#include "definition/canonical.h"

#include <string>
#include <string_view>

namespace squid_mesh {
namespace {

json default_of(const field& f) {
  switch (f.fallback.is) {
    case field_default::kind::none:
    case field_default::kind::today:
      return nullptr;
    case field_default::kind::string:
      return std::string(f.fallback.text);
    case field_default::kind::integer:
      return f.fallback.integer;
    case field_default::kind::floating:
      return f.fallback.floating;
    case field_default::kind::boolean:
      return f.fallback.boolean;
    case field_default::kind::json_text:
      return json::parse(f.fallback.text, nullptr, false);
  }
  return nullptr;
}

json default_of(const definition::field& f) { return f.fallback.value_or(nullptr); }

bool is_today(const field& f) { return f.fallback.is == field_default::kind::today; }
bool is_today(const definition::field& f) { return f.is_today; }

template <class List, class Write>
json to_list(const List& list, const Write& write) {
  json out = json::array();
  for (const auto& element : list) out.push_back(write(element));
  return out;
}

template <class Field>
json field_to_json(const Field& f) {
  return {{"name", f.name},       {"type", to_string(f.type)}, {"default", default_of(f)},
          {"today", is_today(f)}, {"secret", f.is_secret},     {"optional", f.is_optional}};
}

template <class Trigger>
std::string_view timezone_of(const Trigger& t) {
  if (t.schedule) return t.schedule->timezone;
  return t.timezone.empty() ? std::string_view("Etc/UTC") : std::string_view(t.timezone);
}

template <class Trigger>
json trigger_to_json(const Trigger& t) {
  return {{"name", t.name},
          {"schedule", t.schedule ? json(t.schedule->expression) : json()},
          {"timezone", timezone_of(t)},
          {"payload", to_list(t.payload, [](const auto& f) { return field_to_json(f); })}};
}

json retry_to_json(const retry_policy& retry) {
  if (retry == retry_policy{}) return nullptr;
  const bool is_set = retry.max_attempts != retry_policy::unset;
  return {{"max_attempts", is_set ? json(retry.max_attempts) : json()},
          {"backoff",
           {{"min_ms", retry.backoff.min.count()},
            {"max_ms", retry.backoff.max.count()},
            {"factor", retry.backoff.factor},
            {"jitter", retry.backoff.jitter}}}};
}

template <class Step>
json step_to_json(const Step& s) {
  const auto binding = [](const auto& b) { return json{{"name", b.name}, {"path", b.path}}; };
  json out = {{"name", s.name},
              {"kind", to_string(s.kind)},
              {"input", to_list(s.input, binding)},
              {"output", s.output},
              {"retry", retry_to_json(s.retry)},
              {"timeout_ms", s.timeout.count()},
              {"log", nullptr},
              {"wait", nullptr}};
  // Only where it is so: fingerprints of definitions that don't know the key stay what they are.
  if (s.transactional) out["transactional"] = true;
  if (s.kind == step_kind::log) out["log"] = {{"message", s.log_message}, {"level", to_string(s.log_severity)}};
  if (s.kind == step_kind::wait) out["wait"] = {{"duration_ms", s.wait_duration.count()}};
  return out;
}

template <class Workflow>
json workflow_to_json(const Workflow& w) {
  const auto transition = [](const auto& t) { return json{{"from", t.from}, {"on", to_string(t.on)}, {"to", t.to}}; };
  return {{"name", w.name},
          {"version", w.version},
          {"triggers", to_list(w.triggers, [](const auto& t) { return trigger_to_json(t); })},
          {"steps", to_list(w.steps, [](const auto& s) { return step_to_json(s); })},
          {"transitions", to_list(w.transitions, transition)}};
}

}  // namespace

json canonical(const declaration& declared) { return workflow_to_json(declared); }
json canonical(const detail::draft& checked) { return workflow_to_json(checked); }

}  // namespace squid_mesh
