#include "definition/canonical.h"

#include <string>
#include <string_view>

namespace squid_mesh::inline v1 {
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

// Keys that came later are written only where they say something: fingerprints of definitions that don't know them
// stay what they are.

template <class Trigger>
json trigger_to_json(const Trigger& t) {
  json out = {{"name", t.name},
              {"schedule", t.schedule ? json(t.schedule->expression) : json()},
              {"timezone", timezone_of(t)},
              {"payload", to_list(t.payload, [](const auto& f) { return field_to_json(f); })}};
  const definition::schedule plain{};
  if (!t.schedule) return out;
  if (t.schedule->missed != plain.missed) out["missed"] = to_string(t.schedule->missed);
  if (t.schedule->missed_limit != plain.missed_limit) out["missed_limit"] = t.schedule->missed_limit;
  if (t.schedule->overlap != plain.overlap) out["overlap"] = to_string(t.schedule->overlap);
  return out;
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

/// What a built-in step does, under the name of its kind.
template <class Step>
void add_built_in(json& out, const Step& s) {
  const std::string key(to_string(s.kind));
  switch (s.kind) {
    case step_kind::action:
      return;
    case step_kind::log:
      out[key] = {{"message", s.log_message}, {"level", to_string(s.log_severity)}};
      return;
    case step_kind::wait:
      out[key] = {{"duration_ms", s.wait_duration.count()}};
      return;
    case step_kind::pause:
      out[key] = {{"expires_in_ms", s.expires_in.count()}};
      return;
    case step_kind::approval:
      out[key] = {{"quorum", s.quorum}, {"expires_in_ms", s.expires_in.count()}, {"on_expiry", to_string(s.on_expiry)}};
      return;
    case step_kind::await_event:
      out[key] = {{"name", s.event}, {"timeout_ms", s.expires_in.count()}};
      return;
    case step_kind::for_each:
      out[key] = {{"list", s.for_each.list},
                  {"parallel", s.for_each.parallel},
                  {"on_failure", to_string(s.for_each.on_failure)},
                  {"tolerated", s.for_each.tolerated}};
      return;
    case step_kind::child:
      out[key] = {
          {"workflow", s.child.workflow}, {"trigger", s.child.trigger}, {"on_cancel", to_string(s.child.on_cancel)}};
      return;
  }
}

template <class Compensation>
json compensation_to_json(const Compensation& c) {
  json out = {{"retry", retry_to_json(c.retry)}, {"timeout_ms", c.timeout.count()}};
  if (c.transactional) out["transactional"] = true;
  return out;
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
  if (s.transactional) out["transactional"] = true;
  if (!s.after.empty()) out["after"] = to_list(s.after, [](const auto& name) { return json(name); });
  if (!s.queue.empty()) out["queue"] = s.queue;
  if (s.irreversible) out["irreversible"] = true;
  if (!s.compensatable) out["compensatable"] = false;
  if (s.compensate) out["compensate"] = compensation_to_json(*s.compensate);
  add_built_in(out, s);
  return out;
}

json value_of(const operand& value) {
  switch (value.is) {
    case operand::kind::string:
      return std::string(value.text);
    case operand::kind::integer:
      return value.integer;
    case operand::kind::floating:
      return value.floating;
    case operand::kind::boolean:
      return value.boolean;
  }
  return nullptr;
}
json value_of(const json& value) { return value; }

/// Writes the term at `at` and its operands, and moves past them.
template <class Terms>
json term_to_json(const Terms& terms, std::size_t& at) {
  const auto& term = terms[at++];
  if (term.is == term_kind::constant) return value_of(term.value);
  const std::string key(to_string(term.is));
  json out = json::object();
  if (detail::has_path(term.is)) out["path"] = term.path;
  if (detail::has_value(term.is)) {
    out[key] = value_of(term.value);
  } else if (term.is == term_kind::exists) {
    out[key] = true;
  } else {
    json operands = json::array();
    for (std::size_t i = 0; i < term.operands; ++i) operands.push_back(term_to_json(terms, at));
    out[key] = term.is == term_kind::negation ? operands.front() : operands;
  }
  return out;
}

template <class Transition>
json transition_to_json(const Transition& t) {
  json out = {{"from", t.from}, {"on", to_string(t.on)}, {"to", t.to}};
  std::size_t at = 0;
  if (!t.when.terms.empty()) out["when"] = term_to_json(t.when.terms, at);
  if (t.at_most != 0) out["at_most"] = t.at_most;
  if (t.recovery != recovery::none) out["recovery"] = to_string(t.recovery);
  return out;
}

template <class Workflow>
json workflow_to_json(const Workflow& w) {
  json out = {{"name", w.name},
              {"version", w.version},
              {"triggers", to_list(w.triggers, [](const auto& t) { return trigger_to_json(t); })},
              {"steps", to_list(w.steps, [](const auto& s) { return step_to_json(s); })},
              {"transitions", to_list(w.transitions, [](const auto& t) { return transition_to_json(t); })}};
  if (!w.queue.empty()) out["queue"] = w.queue;
  return out;
}

}  // namespace

json canonical(const declaration& declared) { return workflow_to_json(declared); }
json canonical(const detail::draft& checked) { return workflow_to_json(checked); }

}  // namespace squid_mesh::inline v1
