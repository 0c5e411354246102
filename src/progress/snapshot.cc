#include "progress/snapshot.h"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

/// To be raised with every change of what a snapshot says, and of what a fact does to a state.
constexpr int format = 1;

/// Fewer facts are quickly read.
constexpr std::int64_t fewest_facts = 128;

// -- What there is to tell, once for writing and for reading. What isn't told follows from the run's row.

template <class T, class Of>
concept some = std::same_as<std::remove_const_t<T>, Of>;

template <class Exchange, some<completion> T>
void tell(Exchange& with, T& of) {
  with("step", of.step);
  with("input", of.input);
  with("output", of.output);
}

template <class Exchange, some<element_progress> T>
void tell(Exchange& with, T& of) {
  with("status", of.status);
  with("attempts", of.attempts);
  with("counted", of.counted);
  with("due_since", of.due_since);
  with("until", of.until);
  with("output", of.output);
  with("error", of.error);
}

template <class Exchange, some<element_list::parts> T>
void tell(Exchange& with, T& of) {
  with("items", of.items);
  with("shared", of.shared);
  with("begun_at", of.begun_at);
  with("elements", of.elements);
  with("open_lanes", of.open_lanes);
  with("is_closing", of.is_closing);
  with("failure", of.failure);
}

template <class Exchange, some<step_progress> T>
void tell(Exchange& with, T& of) {
  with("status", of.status);
  with("visits", of.visits);
  with("attempts", of.attempts);
  with("counted", of.counted);
  with("parked", of.parked);
  with("opened", of.opened);
  with("branch", of.branch);
  with("missing", of.missing);
  with("due_since", of.due_since);
  with("until", of.until);
  with("approvals", of.approvals);
  with("was_completed", of.was_completed);
  with("edited_input", of.edited_input);
  with("output", of.output);
  with("error", of.error);
  with("child", of.child);
  with("elements", of.elements);
}

template <class Exchange, some<run_state> T>
void tell(Exchange& with, T& of) {
  with("last_at", of.last_at);
  with("context", of.context);
  with("steps", of.steps);
  with("branches", of.branches);
  with("taken", of.taken);
  with("has_begun", of.has_begun);
  with("active", of.active);
  with("ending", of.ending);
  with("discards_results", of.discards_results);
  with("takes_children_along", of.takes_children_along);
  with("stopped_at", of.stopped_at);
  with("ended", of.ended);
  with("error", of.error);
  with("to_compensate", of.to_compensate);
  with("compensated", of.compensated);
  with("compensating", of.compensating);
  with("events", of.events);
  with("command_keys", of.command_keys);
}

// -- Values as JSON

template <class T>
concept plain = std::same_as<T, json> || std::same_as<T, std::string> || std::is_arithmetic_v<T>;
template <class T>
concept optional_value = requires(const T& value) { value.has_value(); };
template <class T>
concept list_of_values = requires(const T& value) { value.begin(); } && !plain<T>;
template <class T>
concept map_of_values = list_of_values<T> && requires { typename T::mapped_type; };

class writer {
 public:
  explicit writer(json& into) : into_(into) {}

  /// What is as in a new value isn't written.
  template <class T>
  void operator()(const char* key, const T& value) {
    if (!is_unset(value)) into_[key] = written(value);
  }

  template <class T>
  static json written(const T& value) {
    if constexpr (plain<T>) {
      return value;
    } else if constexpr (std::same_as<T, time_point>) {
      return value.time_since_epoch().count();
    } else if constexpr (optional_value<T>) {
      return value ? written(*value) : json();
    } else if constexpr (std::same_as<T, element_list>) {
      return written(value.take_apart());
    } else if constexpr (map_of_values<T>) {
      json object = json::object();
      for (const auto& [key, each] : value) object[key] = written(each);
      return object;
    } else if constexpr (list_of_values<T>) {
      json list = json::array();
      for (const auto& each : value) list.push_back(written(each));
      return list;
    } else if constexpr (requires { to_string(value); }) {
      return to_string(value);
    } else {
      json object = json::object();
      writer inner(object);
      tell(inner, value);
      return object;
    }
  }

 private:
  template <class T>
  static bool is_unset(const T& value) {
    if constexpr (optional_value<T>) {
      return !value;
    } else if constexpr (list_of_values<T>) {
      return value.empty();
    } else {
      return value == T{};
    }
  }

  json& into_;
};

/// Throws json::exception and std::invalid_argument for what no writer has written.
class reader {
 public:
  explicit reader(const json& from) : from_(from) {}

  template <class T>
  void operator()(const char* key, T& value) {
    const auto found = from_.find(key);
    if (found == from_.end()) {
      value = T{};
    } else {
      read(*found, value);
    }
  }

 private:
  template <class T>
  static void read(const json& from, T& into) {
    if constexpr (plain<T>) {
      into = from.get<T>();
    } else if constexpr (std::same_as<T, time_point>) {
      into = time_point(microseconds(from.get<std::int64_t>()));
    } else if constexpr (std::same_as<T, step_status>) {
      into = known(parse_step_status(from.get<std::string>()));
    } else if constexpr (std::same_as<T, run_status>) {
      into = known(parse_run_status(from.get<std::string>()));
    } else if constexpr (std::same_as<T, run_id>) {
      into = known(run_id::parse(from.get<std::string>()));
    } else if constexpr (std::same_as<T, std::optional<element_list>>) {
      element_list::parts all;
      read(from, all);
      const bool fits = all.items.size() == all.elements.size() && all.open_lanes.empty() == all.elements.empty();
      if (!fits) throw std::invalid_argument("it holds a list that can't be");
      into.emplace(std::move(all));
    } else if constexpr (optional_value<T>) {
      read(from, into.emplace());
    } else if constexpr (map_of_values<T>) {
      for (const auto& [key, each] : from.items()) read(each, into[key]);
    } else if constexpr (list_of_values<T>) {
      read_list(from, into);
    } else {
      reader inner(from);
      tell(inner, into);
    }
  }

  template <class List>
  static void read_list(const json& from, List& into) {
    into.clear();
    for (const json& each : from) {
      typename List::value_type value{};
      // Within a list, an unset value is null.
      constexpr bool may_be_unset = optional_value<typename List::value_type>;
      if (!may_be_unset || !each.is_null()) read(each, value);
      into.insert(into.end(), std::move(value));
    }
  }

  template <class T>
  static T known(std::optional<T> parsed) {
    if (!parsed) throw std::invalid_argument("it holds a name that isn't known");
    return *parsed;
  }

  const json& from_;
};

std::unexpected<error> unreadable(const run_id& run, std::string_view why) {
  return std::unexpected(
      error{.code = errc::storage,
            .message = "the snapshot of run " + to_string(run) + " can't be used: " + std::string(why)});
}

bool lists_fit(const run_state& state) {
  for (std::size_t i = 0; i < state.steps.size(); ++i) {
    const auto& list = state.steps[i].elements;
    const auto lanes = static_cast<std::size_t>(state.definition->steps()[i].for_each.parallel);
    if (list && (state.definition->steps()[i].kind != step_kind::for_each || list->lane_count() > lanes)) return false;
  }
  return true;
}

/// What is told has to fit together, as far as anything is looked up by it.
bool fits(const run_state& state) {
  const definition& workflow = *state.definition;
  const std::size_t steps = workflow.steps().size();
  const auto is_step = [steps](std::size_t step) { return step < steps; };
  return state.steps.size() == steps && state.branches.size() == steps + workflow.lane_count() &&
         state.taken.size() == workflow.transitions().size() && std::ranges::all_of(state.stopped_at, is_step) &&
         std::ranges::all_of(state.branches, [&](const auto& step) { return !step || is_step(*step); }) &&
         std::ranges::all_of(state.steps, [&](const auto& step) { return step.branch < state.branches.size(); }) &&
         std::ranges::all_of(state.to_compensate, is_step, &completion::step) &&
         (!state.compensated || is_step(state.compensated->step)) && lists_fit(state);
}

}  // namespace

bool is_snapshot_due(const run_state& state) {
  return !state.ended && state.unkept.facts >= fewest_facts && state.unkept.bytes >= state.unkept.last_size;
}

snapshot take_snapshot(run_state& state) {
  json text = {{"format", format}, {"definition", state.definition->fingerprint()}};
  writer out(text);
  tell(out, std::as_const(state));
  snapshot taken{.seq = state.last_seq, .text = text.dump()};
  state.unkept = {.last_size = taken.text.size()};
  return taken;
}

result<run_state> restore(std::shared_ptr<const definition> workflow, const run_record& run, const snapshot& kept) {
  try {
    const json text = json::parse(kept.text);
    if (text.at("format") != format) return unreadable(run.id, "it is of another version");
    if (text.at("definition") != workflow->fingerprint()) return unreadable(run.id, "it is of another definition");
    auto state = begin(std::move(workflow), run);
    if (!state) return state;
    reader in(text);
    tell(in, *state);
    if (!fits(*state)) return unreadable(run.id, "it doesn't fit the definition");
    state->last_seq = kept.seq;
    state->unkept = {.last_size = kept.text.size()};
    return state;
  } catch (const json::exception& e) {
    return unreadable(run.id, e.what());
  } catch (const std::invalid_argument& e) {
    return unreadable(run.id, e.what());
  }
}

}  // namespace squid_mesh::inline v1
