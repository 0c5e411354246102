#include "definition/read.h"

#include "cron/zones.h"
#include "definition/object_reader.h"
#include "definition/read_condition.h"
#include "definition/words.h"

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

using detail::place;

/// Whether a value can be copied and printed without an end of the stack or an exception, and read back as it is.
bool is_plain(const json& value, int depth) {
  if (depth > detail::max_json_depth) return false;
  switch (value.type()) {
    case json::value_t::object:
      for (const auto& [key, element] : value.get_ref<const json::object_t&>()) {
        if (!detail::is_utf8(key) || !is_plain(element, depth + 1)) return false;
      }
      return true;
    case json::value_t::array:
      for (const json& element : value) {
        if (!is_plain(element, depth + 1)) return false;
      }
      return true;
    case json::value_t::string:
      return detail::is_utf8(value.get_ref<const std::string&>());
    case json::value_t::number_float:
      return detail::kind_of_number(value.get<double>()) == detail::value_kind::floating;
    case json::value_t::binary:
    case json::value_t::discarded:
      return false;
    default:
      return true;
  }
}

void read_default(object_reader& object, definition::field& f) {
  const json* found = object.value("default");
  if (found == nullptr) return;
  if (!is_plain(*found, 0)) {
    const auto& rule = detail::rules::default_is_not_a_json_value;
    object.unreadable(rule.name, "default", rule.message, f.name);
    return;
  }
  f.fallback = *found;
  // One value has one text: 1 and 1.0 are the same float.
  if (f.type == type::floating && found->is_number_integer()) f.fallback = found->get<double>();
}

definition::field read_field(const json& value, const place& where, reader_state& state) {
  definition::field f;
  object_reader object(value, where, state);
  object.text("name", presence::required, f.name);
  object.word("type", presence::required, words::types, f.type);
  read_default(object, f);
  object.boolean("today", f.is_today);
  if (f.is_today && f.fallback) {
    object.unreadable("payload_field_has_two_defaults", "default", "a field has a default or today's date", f.name);
  }
  object.boolean("secret", f.is_secret);
  object.boolean("optional", f.is_optional);
  object.no_other_keys();
  return f;
}

void refuse_keys(object_reader& object, std::initializer_list<std::string_view> keys, std::string_view message) {
  for (const std::string_view key : keys) {
    if (object.value(key) != nullptr) object.unreadable("json_key_is_unknown", key, message);
  }
}

definition::trigger read_trigger(const json& value, const place& where, reader_state& state) {
  definition::trigger t;
  t.timezone = "Etc/UTC";
  object_reader object(value, where, state);
  object.text("name", presence::required, t.name);
  std::string expression;
  object.text("schedule", presence::defaulted, expression);
  object.text("timezone", presence::defaulted, t.timezone);
  object.list("payload", presence::defaulted, t.payload,
              [&](const json& f, const place& at) { return read_field(f, at, state); });
  definition::schedule schedule{.expression = expression, .timezone = t.timezone};
  object.word("missed", presence::defaulted, words::missed_policies, schedule.missed);
  object.integer("missed_limit", presence::defaulted, schedule.missed_limit);
  object.word("overlap", presence::defaulted, words::overlaps, schedule.overlap);
  if (object.value("schedule") != nullptr) {
    t.schedule = std::move(schedule);
  } else {
    refuse_keys(object, {"missed", "missed_limit", "overlap"}, "only a trigger with a schedule has such a key");
  }
  if (!zone_exists(t.timezone)) {
    state.problems.add("time_zone_is_unknown", {&where, "timezone"}, "there is no such time zone", t.timezone);
  }
  object.no_other_keys();
  return t;
}

definition::input_binding read_binding(const json& value, const place& where, reader_state& state) {
  definition::input_binding b;
  object_reader object(value, where, state);
  object.text("name", presence::required, b.name);
  object.text("path", presence::required, b.path);
  object.no_other_keys();
  return b;
}

backoff read_backoff(const json& value, const place& where, reader_state& state) {
  backoff b;
  object_reader object(value, where, state);
  object.duration("min_ms", presence::defaulted, b.min);
  object.duration("max_ms", presence::defaulted, b.max);
  object.number("factor", b.factor);
  object.number("jitter", b.jitter);
  object.no_other_keys();
  return b;
}

retry_policy read_retry(const json& value, const place& where, reader_state& state) {
  retry_policy retry;
  object_reader object(value, where, state);
  object.integer("max_attempts", presence::defaulted, retry.max_attempts);
  // Only leaving it out leaves it unset: a number that happens to be the marker is as wrong as zero.
  if (object.value("max_attempts") != nullptr && retry.max_attempts == retry_policy::unset) retry.max_attempts = 0;
  if (const json* found = object.value("backoff")) retry.backoff = read_backoff(*found, {&where, "backoff"}, state);
  object.no_other_keys();
  return retry;
}

definition::compensation read_compensation(const json& value, const place& where, reader_state& state) {
  definition::compensation c;
  object_reader object(value, where, state);
  if (const json* found = object.value("retry")) c.retry = read_retry(*found, {&where, "retry"}, state);
  object.duration("timeout_ms", presence::defaulted, c.timeout);
  object.boolean("transactional", c.transactional);
  object.no_other_keys();
  return c;
}

void read_log(const json& value, const place& where, reader_state& state, definition::step& s) {
  object_reader object(value, where, state);
  object.text("message", presence::required, s.log_message);
  object.word("level", presence::defaulted, words::levels, s.log_severity);
  object.no_other_keys();
}

void read_wait(const json& value, const place& where, reader_state& state, definition::step& s) {
  object_reader object(value, where, state);
  object.duration("duration_ms", presence::required, s.wait_duration);
  object.no_other_keys();
}

void read_pause(const json& value, const place& where, reader_state& state, definition::step& s) {
  object_reader object(value, where, state);
  object.duration("expires_in_ms", presence::defaulted, s.expires_in);
  object.no_other_keys();
}

void read_approval(const json& value, const place& where, reader_state& state, definition::step& s) {
  object_reader object(value, where, state);
  object.integer("quorum", presence::defaulted, s.quorum);
  object.duration("expires_in_ms", presence::defaulted, s.expires_in);
  object.word("on_expiry", presence::defaulted, words::expiries, s.on_expiry);
  object.no_other_keys();
}

void read_event(const json& value, const place& where, reader_state& state, definition::step& s) {
  object_reader object(value, where, state);
  object.text("name", presence::required, s.event);
  object.duration("timeout_ms", presence::defaulted, s.expires_in);
  object.no_other_keys();
}

void read_child(const json& value, const place& where, reader_state& state, definition::step& s) {
  object_reader object(value, where, state);
  object.text("workflow", presence::required, s.child.workflow);
  object.text("trigger", presence::defaulted, s.child.trigger);
  object.word("on_cancel", presence::defaulted, words::parent_policies, s.child.on_cancel);
  object.no_other_keys();
}

void read_for_each(const json& value, const place& where, reader_state& state, definition::step& s) {
  object_reader object(value, where, state);
  object.text("list", presence::required, s.for_each.list);
  object.integer("parallel", presence::defaulted, s.for_each.parallel);
  object.word("on_failure", presence::defaulted, words::element_policies, s.for_each.on_failure);
  object.number("tolerated", s.for_each.tolerated);
  object.no_other_keys();
}

/// The key that says what a built-in does belongs to its kind alone. A pause has nothing that must be said.
const json* part_of_kind(object_reader& object, step_kind kind, step_kind actual) {
  const std::string_view key = to_string(kind);
  const bool must_be_there = kind == actual && kind != step_kind::pause && kind != step_kind::approval;
  const json* found = object.value(key, must_be_there ? presence::required : presence::defaulted);
  if (kind == actual) return found;
  refuse_keys(object, {key}, "a step of another kind has no such key");
  return nullptr;
}

void read_built_in(object_reader& object, const place& where, reader_state& state, definition::step& s) {
  const auto part = [&](step_kind kind, const auto& read) {
    if (const json* found = part_of_kind(object, kind, s.kind)) read(*found, {&where, to_string(kind)}, state, s);
  };
  part(step_kind::log, read_log);
  part(step_kind::wait, read_wait);
  part(step_kind::pause, read_pause);
  if (s.kind == step_kind::approval) s.on_expiry = expiry::reject;
  part(step_kind::approval, read_approval);
  part(step_kind::await_event, read_event);
  part(step_kind::child, read_child);
  part(step_kind::for_each, read_for_each);
}

/// An empty list looks like a mistake, and means nothing that leaving the key out doesn't.
void read_after(object_reader& object, reader_state& state, definition::step& s) {
  object.list("after", presence::defaulted, s.after, [&](const json& name, const place& at) {
    if (name.is_string()) return name.get<std::string>();
    state.unreadable("json_has_the_wrong_type", at, "this must be a string");
    return std::string();
  });
  const json* found = object.value("after");
  if (found != nullptr && found->is_array() && found->empty()) {
    object.unreadable("after_is_empty", "after", "a step that waits for nothing leaves the key out", s.name);
  }
}

definition::step read_step(const json& value, const place& where, reader_state& state) {
  definition::step s;
  object_reader object(value, where, state);
  object.text("name", presence::required, s.name);
  object.word("kind", presence::defaulted, words::step_kinds, s.kind);
  object.list("input", presence::defaulted, s.input,
              [&](const json& b, const place& at) { return read_binding(b, at, state); });
  object.text("output", presence::defaulted, s.output);
  if (const json* found = object.value("retry")) s.retry = read_retry(*found, {&where, "retry"}, state);
  object.duration("timeout_ms", presence::defaulted, s.timeout);
  object.boolean("transactional", s.transactional);
  read_after(object, state, s);
  object.text("queue", presence::defaulted, s.queue);
  object.boolean("irreversible", s.irreversible);
  object.boolean("compensatable", s.compensatable);
  if (const json* found = object.value("compensate")) {
    s.compensate = read_compensation(*found, {&where, "compensate"}, state);
  }
  read_built_in(object, where, state, s);
  object.no_other_keys();
  return s;
}

definition::transition read_transition(const json& value, const place& where, reader_state& state) {
  definition::transition t;
  object_reader object(value, where, state);
  object.text("from", presence::required, t.from);
  object.word("on", presence::defaulted, words::outcomes, t.on);
  object.text("to", presence::required, t.to);
  if (const json* found = object.value("when")) t.when = read_condition(*found, {&where, "when"}, state);
  object.integer("at_most", presence::defaulted, t.at_most);
  object.word("recovery", presence::defaulted, words::recoveries, t.recovery);
  object.no_other_keys();
  return t;
}

}  // namespace

reading read_draft(const json& document, problem_list& problems) {
  reader_state state{.problems = problems};
  detail::draft w;
  const place root{};
  object_reader object(document, root, state);
  object.text("name", presence::required, w.name);
  object.text("version", presence::defaulted, w.version);
  object.text("queue", presence::defaulted, w.queue);
  object.list("triggers", presence::required, w.triggers,
              [&](const json& t, const place& at) { return read_trigger(t, at, state); });
  object.list("steps", presence::required, w.steps,
              [&](const json& s, const place& at) { return read_step(s, at, state); });
  object.list("transitions", presence::defaulted, w.transitions,
              [&](const json& t, const place& at) { return read_transition(t, at, state); });
  object.no_other_keys();
  return {.workflow = std::move(w), .is_complete = state.is_complete};
}

}  // namespace squid_mesh::inline v1
