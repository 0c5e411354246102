#include "progress/migration.h"

#include "progress/decide.h"
#include "progress/payload.h"
#include "progress/policy.h"

#include <squid_mesh/detail/input_rules.hpp>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

const std::string& renamed(const std::string& step, const step_names& steps) {
  const auto found = steps.find(step);
  return found == steps.end() ? step : found->second;
}

/// The same for what may be a lane of a step, which is called after it.
std::string renamed_branch(const std::string& name, const step_names& steps) {
  const std::size_t lane = name.find(detail::lane_separator);
  if (lane == std::string::npos) return renamed(name, steps);
  return renamed(name.substr(0, lane), steps) + name.substr(lane);
}

void rename_in_data(fact& of, const step_names& steps) {
  const bool names_idle = of.kind == fact_kind::cancel_requested || of.kind == fact_kind::deadline_passed;
  const bool names_inputs = of.kind == fact_kind::retry_requested;
  if (!names_idle && !names_inputs) return;
  json data = json::parse(of.data, nullptr, false);
  if (!data.is_object()) return;
  if (names_idle && data.contains("idle")) {
    for (json& each : data["idle"]) {
      if (each.is_string()) each = renamed_branch(each.get<std::string>(), steps);
    }
  }
  if (names_inputs && data.contains("input") && data["input"].is_object()) {
    json inputs = json::object();
    for (const auto& [step, input] : data["input"].items()) inputs[renamed(step, steps)] = input;
    data["input"] = std::move(inputs);
  }
  of.data = data.dump();
}

template <class Facts>
void rename_steps(Facts&& facts, const step_names& steps) {
  if (steps.empty()) return;
  for (fact& each : facts) {
    each.step = renamed(each.step, steps);
    rename_in_data(each, steps);
  }
}

/// Takes the names out of the fact.
step_names take_names(fact& move) {
  step_names steps;
  json data = json::parse(move.data, nullptr, false);
  if (!data.is_object() || !data.contains("steps") || !data["steps"].is_object()) return steps;
  for (const auto& [from, to] : data["steps"].items()) {
    if (to.is_string()) steps[from] = to.get<std::string>();
  }
  data["renamed"] = std::move(data["steps"]);
  data.erase("steps");
  move.data = data.dump();
  return steps;
}

std::unexpected<error> refuse(std::string kind, std::string why) {
  return std::unexpected(
      error{.code = errc::conflict, .message = "the run can't be moved: " + std::move(why), .kind = std::move(kind)});
}

/// Every name has to be there, and no two steps may become one.
result<void> check_names(const definition& from, const definition& to, const step_names& steps) {
  std::vector<problem> problems;
  const auto add = [&](const std::string& step, const char* rule, std::string message) {
    problems.push_back({.path = "steps." + step, .rule = rule, .message = std::move(message)});
  };
  std::set<std::string> taken;
  for (const auto& [old_name, new_name] : steps) {
    if (!from.find_step(old_name)) add(old_name, "step_is_not_declared", "the run's definition has no such step");
    if (!to.find_step(new_name)) add(old_name, "step_is_not_declared", "the other definition has no step " + new_name);
    const bool keeps_its_name = from.find_step(new_name) && !steps.contains(new_name);
    if (!taken.insert(new_name).second || (keeps_its_name && new_name != old_name)) {
      add(old_name, "step_is_ambiguous", "another step is called " + new_name + ", too");
    }
  }
  if (problems.empty()) return {};
  return std::unexpected(error{.code = errc::invalid_argument,
                               .message = "the names of the steps don't fit the definitions",
                               .problems = std::move(problems)});
}

/// What a person sees of the run's start has to stay as it is, and what is secret in it has to stay so.
result<void> check_payload(const run_record& run, const definition& from, const definition& to) {
  const definition::trigger* const present = from.find_trigger(run.trigger);
  const definition::trigger* const other = to.find_trigger(run.trigger);
  if (other == nullptr) return refuse("other_payload", "the other definition has no trigger " + run.trigger);
  const json payload = json::parse(run.payload, nullptr, false);
  const auto accepted = accept_payload(*other, payload, run.started_at, std::numeric_limits<std::size_t>::max());
  if (!accepted || json::parse(*accepted) != payload) {
    return refuse("other_payload", "its payload is not one that trigger " + run.trigger + " takes there");
  }
  for (const definition::field& field : other->payload) {
    const bool was_secret = present != nullptr && std::ranges::any_of(present->payload, [&](const auto& before) {
                              return before.name == field.name && before.is_secret;
                            });
    if (was_secret && !field.is_secret) {
      return refuse("other_payload", "field " + field.name + " of its payload is not secret there");
    }
  }
  return {};
}

/// By the other definition, as far as that goes.
result<run_state> fold_by(std::shared_ptr<const definition> to, const journal& history) {
  auto state = begin(std::move(to), history.run);
  if (!state) return state;
  for (const fact& next : history.facts) {
    if (apply(*state, next)) continue;
    const std::string of = next.step.empty() ? "" : " of step " + next.step;
    return refuse("other_history", "by the other definition it would not have come to fact " +
                                       std::to_string(next.seq) + ", " + std::string(to_string(next.kind)) + of);
  }
  return state;
}

/// Whether a step that has begun to wait would wait for the same.
bool waits_for_the_same(const definition::step& a, const definition::step& b) {
  return a.event == b.event && a.quorum == b.quorum && a.on_expiry == b.on_expiry &&
         a.child.workflow == b.child.workflow;
}

/// Whether a list that has begun would go on as the same.
bool is_the_same_list(const run_state& now, std::size_t step, const run_state& then, std::size_t image) {
  const auto& list = now.steps[step].elements;
  const auto& other = then.steps[image].elements;
  if (!list || !other) return !list && !other;
  const auto parts = list->take_apart();
  const auto others = other->take_apart();
  const definition::for_each& a = now.definition->steps()[step].for_each;
  const definition::for_each& b = then.definition->steps()[image].for_each;
  return parts.items == others.items && parts.shared == others.shared && a.parallel == b.parallel &&
         a.on_failure == b.on_failure && a.tolerated == b.tolerated;
}

/// Whether what has been done means the same: that it can't be undone, is made good, or is known under a name.
bool is_as_done(const run_state& now, std::size_t step, const run_state& then, std::size_t image) {
  const definition::step& a = now.definition->steps()[step];
  const definition::step& b = then.definition->steps()[image];
  return a.irreversible == b.irreversible && a.compensatable == b.compensatable &&
         now.definition->compensation_of(step).has_value() == then.definition->compensation_of(image).has_value() &&
         now.definition->output_key(step) == then.definition->output_key(image);
}

/// Another attempt has to be one at the same: under the same idempotency key, with the same input.
bool is_tried_again_as_before(const run_state& now, std::size_t step, const run_state& then, std::size_t image) {
  if (now.definition->steps()[step].name != then.definition->steps()[image].name) return false;
  if (now.steps[step].elements) return true;
  const auto input = input_of(now, step);
  const auto other = input_of(then, image);
  return input.has_value() == other.has_value() && (!input || *input == *other);
}

bool is_at_the_same_point(const step_progress& a, const step_progress& b) {
  return a.status == b.status && a.visits == b.visits && a.attempts == b.attempts && a.counted == b.counted &&
         a.opened == b.opened && a.until == b.until && a.was_completed == b.was_completed;
}

/// A step that was reached, and the one that it is in the other definition.
result<void> check_step(const run_state& now, std::size_t step, const run_state& then, std::size_t image) {
  const definition::step& a = now.definition->steps()[step];
  const definition::step& b = then.definition->steps()[image];
  const step_progress& progress = now.steps[step];
  if (!is_at_the_same_point(progress, then.steps[image])) {
    return refuse("other_position", "by the other definition, step " + a.name + " would have come elsewhere");
  }
  if (progress.was_completed && !is_as_done(now, step, then, image)) {
    return refuse("other_terms", "step " + a.name +
                                     " has completed, and what its output is called, or what makes good what it did, "
                                     "is declared otherwise there");
  }
  if (!now.is_active(step)) return {};
  const bool is_other = a.kind != b.kind || (progress.opened && !waits_for_the_same(a, b));
  if (is_other || !is_the_same_list(now, step, then, image)) {
    return refuse("other_terms", "step " + a.name + " has begun, and is declared otherwise there");
  }
  const bool has_been_tried = has_handler(a.kind) && (progress.attempts > 0 || progress.elements);
  if (has_been_tried && !is_tried_again_as_before(now, step, then, image)) {
    return refuse("other_terms", "step " + a.name + " has been tried: its name and its input have to stay as they are");
  }
  return {};
}

/// Where each branch is on which something goes on: the branch as its job names it, and the step.
std::vector<std::pair<std::string, std::string>> branches_of(const run_state& state, const step_names& steps) {
  std::vector<std::pair<std::string, std::string>> found;
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const auto at = state.branches[i];
    if (at) found.emplace_back(driven(state, i).step, renamed(state.definition->steps()[*at].name, steps));
  }
  std::ranges::sort(found);
  return found;
}

result<void> check_position(const run_state& now, const run_state& then, const step_names& steps) {
  std::set<std::size_t> images;
  for (std::size_t i = 0; i < now.steps.size(); ++i) {
    if (now.steps[i].visits == 0) continue;
    const std::string& name = now.definition->steps()[i].name;
    const auto image = then.definition->find_step(renamed(name, steps));
    if (!image) return refuse("other_position", "the other definition has no step " + name);
    images.insert(*image);
    if (auto good = check_step(now, i, then, *image); !good) return good;
  }
  for (std::size_t i = 0; i < then.steps.size(); ++i) {
    if (images.contains(i) || then.steps[i].visits == 0) continue;
    return refuse("other_position", "by the other definition it would be at step " + then.definition->steps()[i].name);
  }
  if (branches_of(now, steps) == branches_of(then, {})) return {};
  return refuse("other_position",
                "what goes on side by side would be on other branches, or a step that names one has "
                "another name");
}

/// Inputs that a person has set are known as secret by what the step declares to read.
result<void> check_edited_inputs(const journal& history, const definition& from, const definition& to,
                                 const step_names& steps) {
  for (const fact& each : history.facts) {
    if (each.kind != fact_kind::retry_requested) continue;
    const json data = json::parse(each.data, nullptr, false);
    if (!data.is_object() || !data.contains("input") || !data["input"].is_object()) continue;
    for (const auto& [name, input] : data["input"].items()) {
      const auto step = from.find_step(name);
      const auto image = to.find_step(renamed(name, steps));
      const auto reads_the_same = [&] {
        return std::ranges::equal(from.steps()[*step].input, to.steps()[*image].input,
                                  [](const auto& a, const auto& b) { return a.name == b.name && a.path == b.path; });
      };
      if (step && image && reads_the_same()) continue;
      return refuse("other_terms", "the input of step " + name + " was edited, and is declared otherwise there");
    }
  }
  return {};
}

}  // namespace

journal in_present_words(journal history) {
  for (auto move = history.facts.begin(); move != history.facts.end(); ++move) {
    if (move->kind != fact_kind::run_migrated) continue;
    rename_steps(std::ranges::subrange(history.facts.begin(), move), take_names(*move));
  }
  return history;
}

result<run_state> migrated(const run_state& now, journal whole, std::shared_ptr<const definition> to,
                           const step_names& steps) {
  if (auto good = check_names(*now.definition, *to, steps); !good) return std::unexpected(std::move(good).error());
  if (auto good = check_payload(whole.run, *now.definition, *to); !good) {
    return std::unexpected(std::move(good).error());
  }
  whole = in_present_words(std::move(whole));
  if (auto good = check_edited_inputs(whole, *now.definition, *to, steps); !good) {
    return std::unexpected(std::move(good).error());
  }
  rename_steps(whole.facts, steps);
  auto then = fold_by(std::move(to), whole);
  if (!then) return then;
  if (auto good = check_position(now, *then, steps); !good) return std::unexpected(std::move(good).error());
  return then;
}

}  // namespace squid_mesh::inline v1
