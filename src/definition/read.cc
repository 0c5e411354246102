#include "definition/read.h"

#include "cron/zones.h"
#include "definition/object_reader.h"
#include "definition/words.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace squid_mesh {
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
      return detail::kind_of_number(value.get<double>()) == detail::default_kind::floating;
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
  if (object.value("schedule") != nullptr) t.schedule = std::move(schedule);
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
  s.on_expiry = expiry::reject;
  object.word("on_expiry", presence::defaulted, words::expiries, s.on_expiry);
  object.no_other_keys();
}

void read_event(const json& value, const place& where, reader_state& state, definition::step& s) {
  object_reader object(value, where, state);
  object.text("name", presence::required, s.event);
  object.duration("timeout_ms", presence::defaulted, s.expires_in);
  object.no_other_keys();
}

/// The key that says what a built-in does belongs to its kind alone. A pause has nothing that must be said.
const json* part_of_kind(object_reader& object, step_kind kind, step_kind actual) {
  const std::string_view key = to_string(kind);
  const bool must_be_there = kind == actual && kind != step_kind::pause && kind != step_kind::approval;
  const json* found = object.value(key, must_be_there ? presence::required : presence::defaulted);
  if (found == nullptr || kind == actual) return found;
  object.unreadable("json_key_is_unknown", key, "a step of another kind has no such key");
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
}

/// An empty list looks like a mistake, and means nothing that leaving the key out doesn't.
void read_after(object_reader& object, definition::step& s) {
  const json* found = object.value("after");
  object.list("after", presence::defaulted, s.after, [&](const json& name, const place&) {
    if (name.is_string()) return name.get<std::string>();
    object.unreadable("json_has_the_wrong_type", "after", "this must be a list of strings");
    return std::string();
  });
  if (found != nullptr && found->is_array() && found->empty()) {
    object.unreadable("after_is_empty", "after", "a step that waits for nothing doesn't say so", s.name);
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
  read_after(object, s);
  object.text("queue", presence::defaulted, s.queue);
  read_built_in(object, where, state, s);
  object.no_other_keys();
  return s;
}

/// A term of a condition and its operands, appended to `into`.
void read_term(const json& value, const place& where, reader_state& state, definition::condition& into, int depth) {
  object_reader object(value, where, state);
  const auto said = std::ranges::find_if(
      words::terms, [&](std::string_view word) { return word != "constant" && object.value(word) != nullptr; });
  if (said == words::terms.end() || depth > detail::max_json_depth) {
    const char* const message = depth > detail::max_json_depth ? "the condition is nested too deeply"
                                                               : "a condition says equals, not_equals, greater_than, "
                                                                 "less_than, exists, in, all, any or not";
    object.unreadable("condition_says_nothing", "", message);
    return;
  }
  const std::string_view key = *said;
  const auto kind = static_cast<term_kind>(said - words::terms.begin());
  const json& operand = *object.value(key);
  const place inside{&where, key};
  const std::size_t at = into.terms.size();
  into.terms.push_back({.is = kind, .path = {}, .value = nullptr, .operands = 0});
  if (detail::has_path(kind)) object.text("path", presence::required, into.terms[at].path);
  if (detail::has_value(kind)) into.terms[at].value = operand;
  if (kind == term_kind::negation) {
    into.terms[at].operands = 1;
    read_term(operand, inside, state, into, depth + 1);
  } else if (detail::combines(kind)) {
    std::vector<const json*> operands;
    object.list(key, presence::required, operands, [](const json& each, const place&) { return &each; });
    into.terms[at].operands = operands.size();
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (kind == term_kind::in) {
        into.terms.push_back({.is = term_kind::constant, .path = {}, .value = *operands[i], .operands = 0});
      } else {
        read_term(*operands[i], {&where, key, i}, state, into, depth + 1);
      }
    }
  } else if (kind == term_kind::exists && operand != true) {
    object.unreadable("json_has_the_wrong_type", key, "this must be true: use not for the opposite");
  }
  object.no_other_keys();
}

definition::transition read_transition(const json& value, const place& where, reader_state& state) {
  definition::transition t;
  object_reader object(value, where, state);
  object.text("from", presence::required, t.from);
  object.word("on", presence::defaulted, words::outcomes, t.on);
  object.text("to", presence::required, t.to);
  if (const json* found = object.value("when")) read_term(*found, {&where, "when"}, state, t.when, 0);
  object.integer("at_most", presence::defaulted, t.at_most);
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

namespace {

detail::default_kind kind_of_value(const json& value) {
  using detail::default_kind;
  switch (value.type()) {
    case json::value_t::string:
      return detail::is_utf8(value.get_ref<const std::string&>()) ? default_kind::string : default_kind::invalid;
    case json::value_t::number_integer:
      return default_kind::integer;
    case json::value_t::number_unsigned:
      return std::in_range<std::int64_t>(value.get<std::uint64_t>()) ? default_kind::integer : default_kind::floating;
    case json::value_t::number_float:
      return detail::kind_of_number(value.get<double>());
    case json::value_t::boolean:
      return default_kind::boolean;
    case json::value_t::object:
      return default_kind::object;
    case json::value_t::array:
      return default_kind::list;
    default:
      return default_kind::invalid;
  }
}

}  // namespace

detail::default_kind kind_of_operand(const definition::condition_term& term) { return kind_of_value(term.value); }

detail::default_kind kind_of_default(const definition::field& f) {
  if (f.is_today) return detail::default_kind::today;
  return f.fallback ? kind_of_value(*f.fallback) : detail::default_kind::none;
}

}  // namespace squid_mesh
