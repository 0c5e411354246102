#include "base/time_text.h"
#include "definition/object_reader.h"
#include "inspect/explanation.h"
#include "inspect/graph.h"
#include "inspect/run_document.h"
#include "inspect/told_run.h"
#include "progress/run_state.h"

#include <squid_mesh/detail/text.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

using detail::place;

/// Of texts that become columns, some of them of indexes.
constexpr std::size_t longest_name = 1000;

/// Until when instants can be written: the end of the year 9999.
constexpr time_point last_instant{std::chrono::sys_days(std::chrono::year(9999) / 12 / 31)};

std::unexpected<error> refuse(std::vector<problem> problems) {
  std::string message = "the document can't be imported";
  if (!problems.empty()) {
    const std::string& path = problems.front().path;
    message += ": " + (path.empty() ? "" : path + ": ") + problems.front().message;
  }
  return std::unexpected(
      error{.code = errc::invalid_argument, .message = std::move(message), .problems = std::move(problems)});
}

std::unexpected<error> refuse(const place& where, std::string_view rule, std::string message) {
  return refuse({{.path = to_string(where), .rule = std::string(rule), .message = std::move(message)}});
}

/// Null where there is none, or it isn't a text, which is reported.
const std::string* read_text(object_reader& from, std::string_view key, presence need) {
  const json* value = from.value(key, need);
  if (value == nullptr) return nullptr;
  if (!value->is_string()) from.unreadable("json_has_the_wrong_type", key, "this must be a string");
  return value->get_ptr<const std::string*>();
}

/// A text that becomes a column of a table.
void read_name(object_reader& from, std::string_view key, presence need, std::string& into) {
  const std::string* text = read_text(from, key, need);
  if (text == nullptr) return;
  if (text->size() <= longest_name && detail::is_utf8(*text) && !detail::has_control_character(*text)) {
    into = *text;
  } else {
    from.unreadable("text_is_not_a_name", key, "this must be at most 1,000 bytes of UTF-8 without control characters");
  }
}

std::optional<time_point> read_instant(object_reader& from, std::string_view key, presence need) {
  const std::string* text = read_text(from, key, need);
  if (text == nullptr) return std::nullopt;
  const auto at = parse_time(*text);
  if (at && *at >= time_point{} && *at < last_instant) return at;
  from.unreadable("instant_is_not_valid", key, "this must be an instant of ISO-8601, in UTC, from 1970 on", *text);
  return std::nullopt;
}

/// Reads the parts of a document, as far as each can be read without the others.
class part_reader {
 public:
  explicit part_reader(const json& document) : document_(document) {}

  /// Nothing is read of what has another format or version.
  [[nodiscard]] result<void> check_format() const {
    const place root{};
    if (!document_.is_object()) return refuse(root, "json_has_the_wrong_type", "this must be an object");
    try {
      static_cast<void>(document_.dump());
    } catch (const json::exception&) {
      return refuse(root, "text_is_not_utf8", "the document holds text that is not UTF-8");
    }
    if (document_.value("format", json()) != document_format) {
      return refuse({&root, "format"}, "document_has_another_format", "this must be " + std::string(document_format));
    }
    if (document_.value("version", json()) == document_version) return {};
    return refuse({&root, "version"}, "document_version_is_unknown",
                  "this library reads version " + std::to_string(document_version));
  }

  void read(run_copy& into, std::vector<std::optional<std::size_t>>& transitions) {
    const place root{};
    object_reader parts(document_, root, state_);
    parts.value("format");
    parts.value("version");
    read_instant(parts, "exported_at", presence::required);
    if (const json* run = parts.value("run", presence::required)) read_run(*run, {&root, "run"}, into.history.run);
    if (const json* workflow = parts.value("definition", presence::required)) read_definition(*workflow, into);
    if (const json* facts = parts.value("facts", presence::required)) read_facts(*facts, root, into, transitions);
    if (const json* jobs = parts.value("jobs"); jobs != nullptr && !jobs->is_array()) {
      parts.unreadable("json_has_the_wrong_type", "jobs", "this must be a list");
    }
    parts.no_other_keys();
  }

  [[nodiscard]] std::vector<problem> problems() && {
    std::vector<problem> all = std::move(problems_).to_error("").problems;
    all.insert(all.end(), of_definition_.begin(), of_definition_.end());
    return all;
  }

 private:
  void read_run(const json& value, const place& where, run_record& into) {
    object_reader run(value, where, state_);
    if (const std::string* id = read_text(run, "id", presence::required)) {
      const auto parsed = run_id::parse(*id);
      if (!parsed) run.unreadable("id_is_not_valid", "id", "this must be a run's id", *id);
      into.id = parsed.value_or(run_id{});
    }
    read_name(run, "workflow", presence::required, into.workflow);
    read_name(run, "definition", presence::required, into.definition);
    read_name(run, "trigger", presence::required, into.trigger);
    read_name(run, "queue", presence::required, into.queue);
    read_name(run, "start_key", presence::defaulted, into.start_key);
    if (const std::string* id = read_text(run, "parent", presence::defaulted)) {
      into.parent = run_id::parse(*id);
      if (!into.parent) run.unreadable("id_is_not_valid", "parent", "this must be a run's id", *id);
    }
    run.integer("priority", presence::required, into.priority);
    if (into.priority < 0 || into.priority > 9) {
      run.unreadable("json_number_is_out_of_range", "priority", "a priority is 0 to 9");
    }
    into.payload = read_object(run, "payload", presence::required);
    into.origin = read_object(run, "origin", presence::defaulted);
    into.started_at = read_instant(run, "started_at", presence::required).value_or(time_point{});
    into.deadline = read_instant(run, "deadline", presence::defaulted);
    into.ended_at = read_instant(run, "ended_at", presence::defaulted);
    read_instant(run, "imported_at", presence::defaulted);
    read_status(run, into);
    run.no_other_keys();
  }

  static void read_status(object_reader& run, run_record& into) {
    const std::string* name = read_text(run, "status", presence::required);
    if (name == nullptr) return;
    const auto status = parse_run_status(*name);
    if (!status) return run.unreadable("json_word_is_unknown", "status", "this must be the status of a run", *name);
    into.status = into.shown_status = *status;
    if (is_terminal(*status) == into.ended_at.has_value()) return;
    run.unreadable("status_does_not_fit_the_end", "ended_at", "a run has this if, and only if, it has ended");
  }

  /// As text; empty where there is none.
  static std::string read_object(object_reader& from, std::string_view key, presence need) {
    const json* value = from.value(key, need);
    if (value == nullptr) return {};
    if (value->is_object()) return value->dump();
    from.unreadable("json_has_the_wrong_type", key, "this must be an object");
    return {};
  }

  void read_definition(const json& value, run_copy& into) {
    auto workflow = definition::from_json(value);
    if (workflow) {
      into.definition = std::make_shared<const definition>(*std::move(workflow));
      return;
    }
    for (problem& each : workflow.error().problems) {
      each.path = each.path.empty() ? "definition" : "definition." + each.path;
      of_definition_.push_back(std::move(each));
    }
  }

  void read_facts(const json& value, const place& root, run_copy& into,
                  std::vector<std::optional<std::size_t>>& transitions) {
    if (!value.is_array()) {
      state_.unreadable("json_has_the_wrong_type", {&root, "facts"}, "this must be a list");
      return;
    }
    for (std::size_t i = 0; i < value.size(); ++i) {
      const place where{&root, "facts", i};
      into.history.facts.emplace_back();
      transitions.emplace_back();
      read_fact(value[i], where, static_cast<std::int64_t>(i) + 1, into.history.facts.back(), transitions.back());
    }
  }

  void read_fact(const json& value, const place& where, std::int64_t seq, fact& into,
                 std::optional<std::size_t>& transition) {
    object_reader parts(value, where, state_);
    into.seq = seq;
    parts.integer("seq", presence::required, into.seq);
    if (into.seq != seq) {
      parts.unreadable("facts_have_a_gap", "seq", "this must be " + std::to_string(seq) + ": one after the other");
    }
    if (const std::string* kind = read_text(parts, "kind", presence::required)) {
      const auto known = parse_fact_kind(*kind);
      if (!known) parts.unreadable("fact_kind_is_unknown", "kind", "there is no such kind", *kind);
      into.kind = known.value_or(fact_kind::step_completed);
    }
    read_name(parts, "step", presence::defaulted, into.step);
    read_name(parts, "node", presence::defaulted, into.node);
    into.at = read_instant(parts, "at", presence::required).value_or(time_point{});
    into.started_at = read_instant(parts, "started_at", presence::defaulted);
    if (const json* data = parts.value("data")) {
      into.data = data->dump();
      if (into.kind != fact_kind::step_completed) check_data(*data, {&where, "data"});
    } else if (value.is_object() && value.contains("data")) {
      into.data = "null";
    }
    if (parts.value("transition") != nullptr) {
      std::int64_t index = 0;
      parts.integer("transition", presence::required, index);
      if (index < 0) parts.unreadable("json_number_is_out_of_range", "transition", "this is the index of a transition");
      transition = static_cast<std::size_t>(index);
    }
    parts.no_other_keys();
  }

  /// What the engine says of a fact is shown without a second look.
  void check_data(const json& data, const place& where) {
    object_reader parts(data, where, state_);
    for (const char* key : {"until", "retry_at"}) {
      std::int64_t at = 0;
      parts.integer(key, presence::defaulted, at);
      if (at >= 0 && at < last_instant.time_since_epoch().count()) continue;
      parts.unreadable("instant_is_not_valid", key, "this must be an instant in microseconds since 1970");
    }
    if (const json* reason = parts.value("error"); reason != nullptr && !reason->is_object()) {
      parts.unreadable("json_has_the_wrong_type", "error", "this must be an object");
    }
  }

  const json& document_;
  problem_list problems_;
  reader_state state_{problems_};
  std::vector<problem> of_definition_;
};

/// Whether what is said of the run fits its definition.
result<void> check_start(const run_copy& copy) {
  const run_record& run = copy.history.run;
  const place root{};
  const place of_run{&root, "run"};
  if (copy.definition->fingerprint() != run.definition) {
    return refuse({&of_run, "definition"}, "fingerprint_does_not_match",
                  "this must be the fingerprint of the definition, which is " + copy.definition->fingerprint());
  }
  if (copy.definition->name() != run.workflow) {
    return refuse({&of_run, "workflow"}, "workflow_does_not_match", "the definition has another name");
  }
  if (copy.definition->find_trigger(run.trigger) != nullptr) return {};
  return refuse({&of_run, "trigger"}, "trigger_is_not_declared", "the definition has no such trigger");
}

/// The transition that a fact has led along: the one which was taken once more than before.
std::optional<std::size_t> taken_since(const std::vector<int>& before, const std::vector<int>& after) {
  const auto taken = std::ranges::mismatch(before, after).in1;
  if (taken == before.end()) return std::nullopt;
  return static_cast<std::size_t>(taken - before.begin());
}

/// Folds the journal, fact by fact.
result<run_state> check_facts(const run_copy& copy, const std::vector<std::optional<std::size_t>>& transitions) {
  const place root{};
  auto state = begin(copy.definition, copy.history.run);
  if (!state) return refuse({&root, "run"}, "journal_does_not_fold", state.error().message);
  for (std::size_t i = 0; i < transitions.size(); ++i) {
    const place where{&root, "facts", i};
    const std::vector<int> before = state->taken;
    if (auto applied = apply(*state, copy.history.facts[i]); !applied) {
      return refuse(where, "journal_does_not_fold", applied.error().message);
    }
    if (taken_since(before, state->taken) == transitions[i]) continue;
    return refuse({&where, "transition"}, "transition_can_not_be_taken", "this can't be taken here");
  }
  return state;
}

result<void> check_status(const run_record& run, const run_state& state) {
  const place root{};
  const place of_run{&root, "run"};
  const run_status told = told_status(run.status, state);
  if (told == run.status) return {};
  return refuse({&of_run, "status"}, "status_does_not_fit_the_journal",
                "by its journal, the run is " + std::string(to_string(told)));
}

/// Whether everything that is shown of a run can be shown.
result<void> check_looks(const run_copy& copy, time_point now) {
  const view_request request{
      .history = copy.history, .definition = copy.definition, .jobs = {}, .options = {.include_history = true}};
  const auto seen = view_run(request);
  const place root{};
  if (!seen) return refuse(root, "run_can_not_be_shown", seen.error().message);
  static_cast<void>(to_json(*seen).dump());
  if (const auto why = explain(request, now); !why) return refuse(root, "run_can_not_be_shown", why.error().message);
  if (const auto graph = graph_run(request); !graph) {
    return refuse(root, "run_can_not_be_shown", graph.error().message);
  }
  return {};
}

std::string routes_of(const std::vector<std::optional<std::size_t>>& transitions) {
  json routes = json::array();
  for (std::size_t i = 0; i < transitions.size(); ++i) {
    if (transitions[i]) routes.push_back({i + 1, *transitions[i]});
  }
  return routes.empty() ? std::string() : routes.dump();
}

result<run_copy> read_checked(const json& document, time_point now) {
  part_reader parts(document);
  if (auto good = parts.check_format(); !good) return std::unexpected(std::move(good).error());
  run_copy copy;
  std::vector<std::optional<std::size_t>> transitions;
  parts.read(copy, transitions);
  if (auto problems = std::move(parts).problems(); !problems.empty()) return refuse(std::move(problems));
  copy.history.run.imported_at = now;
  copy.history.run.routes = routes_of(transitions);
  if (auto good = check_start(copy); !good) return std::unexpected(std::move(good).error());
  auto state = check_facts(copy, transitions);
  if (!state) return std::unexpected(std::move(state).error());
  if (auto good = check_status(copy.history.run, *state); !good) return std::unexpected(std::move(good).error());
  if (auto good = check_looks(copy, now); !good) return std::unexpected(std::move(good).error());
  return copy;
}

}  // namespace

result<run_copy> read_document(const json& document, time_point now) {
  try {
    return read_checked(document, now);
  } catch (const std::exception& e) {
    return refuse({{.path = "", .rule = "document_can_not_be_read", .message = e.what()}});
  }
}

}  // namespace squid_mesh::inline v1
