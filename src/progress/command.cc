// What people and timers change.
#include "progress/decide.h"
#include "progress/decider.h"

#include <algorithm>
#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

error forbidden(std::string kind, std::string message) {
  return {.code = errc::conflict, .message = std::move(message), .kind = std::move(kind)};
}

/// What a fact says of the command that made it.
json to_data(const event::command& by) {
  json data = json::object();
  if (!by.actor.empty()) data["actor"] = by.actor;
  if (!by.reason.empty()) data["reason"] = by.reason;
  if (!by.metadata.is_null()) data["metadata"] = by.metadata;
  if (!by.key.empty()) data["key"] = by.key;
  return data;
}

class command_decider : public decider {
 public:
  using decider::decider;

  decision operator()(const event::unblocked& what) {
    return resolve(what.by, what.step, step_kind::pause, [&](std::size_t gate) {
      record(fact_kind::gate_unblocked, gate, to_data(what.by).dump());
      return true;
    });
  }

  decision operator()(const event::approved& what) {
    return resolve(what.by, what.step, step_kind::approval, [&](std::size_t gate) {
      const auto approvers = approvers_of(progress_of(gate));
      if (std::ranges::find(approvers, what.by.actor) != approvers.end()) {
        made_.refusal =
            forbidden("already_approved", what.by.actor + " has approved " + declared(gate).name + " already");
        return false;
      }
      const bool is_last = static_cast<int>(approvers.size()) + 1 >= declared(gate).quorum;
      record(is_last ? fact_kind::gate_approved : fact_kind::gate_voted, gate, to_data(what.by).dump());
      return is_last;
    });
  }

  decision operator()(const event::rejected& what) {
    return resolve(what.by, what.step, step_kind::approval, [&](std::size_t gate) {
      record(fact_kind::gate_rejected, gate, to_data(what.by).dump());
      return true;
    });
  }

  decision operator()(const event::signalled& what) {
    if (is_repeated(what.by) || has_ended() || is_ending()) return std::move(made_);
    json data = to_data(what.by);
    data["name"] = what.name;
    data["data"] = what.data;
    record(fact_kind::event_received, std::nullopt, data.dump());
    for (std::size_t i = 0; i < state_.steps.size(); ++i) {
      const bool awaits = declared(i).kind == step_kind::await_event && declared(i).event == what.name;
      if (!awaits || !state_.is_active(i) || !progress_of(i).opened) continue;
      const std::size_t branch = progress_of(i).branch;
      record(fact_kind::event_taken, i, "");
      wake(branch);
      break;
    }
    return finish(false);
  }

  decision operator()(const event::cancelled& what) {
    if (is_repeated(what.by) || has_ended()) return std::move(made_);
    if (state_.ending == run_status::cancelled) {
      made_.refusal = forbidden("already_cancelling", "the run is being cancelled already");
      return std::move(made_);
    }
    json data = to_data(what.by);
    data["idle"] = steps_of(what.idle);
    record(fact_kind::cancel_requested, std::nullopt, data.dump());
    made_.cancels_children = what.has_children;
    return finish(false);
  }

  decision operator()(const event::deadline_reached& what) {
    if (state_.ended || state_.discards_results || state_.compensating) return std::move(made_);
    record(fact_kind::deadline_passed, std::nullopt, json{{"idle", steps_of(what.idle)}}.dump());
    made_.cancels_children = what.has_children;
    if (state_.compensating) wake(active_branch());
    return finish(false);
  }

  decision operator()(const event::retried& what) {
    if (is_repeated(what.by)) return std::move(made_);
    if (state_.ended != run_status::failed) {
      made_.refusal = forbidden("not_failed", "only a run that has failed can be retried; this one is " +
                                                  std::string(to_string(state_.status())));
      return std::move(made_);
    }
    if (state_.compensating) {
      made_.refusal =
          forbidden("compensated", "what the run did has been made good, so it can't go on: replay it instead");
      return std::move(made_);
    }
    if (!check_inputs(what.inputs)) return std::move(made_);
    json data = to_data(what.by);
    if (!what.inputs.is_null() && !what.inputs.empty()) data["input"] = what.inputs;
    const auto stopped = state_.stopped_at;
    record(fact_kind::retry_requested, std::nullopt, data.dump());
    if (!state_.definition->has_dependencies()) wake(progress_of(stopped.front()).branch);
    return finish(false);
  }

  decision operator()(const event::compensation_resolved& what) {
    if (is_repeated(what.by) || has_ended()) return std::move(made_);
    const auto branch = std::ranges::find_if(state_.branches, [&](const auto& step) {
      return step && state_.is_compensation(*step) && progress_of(*step).opened;
    });
    if (branch == state_.branches.end()) {
      made_.refusal = forbidden("no_failed_compensation", "no compensation of the run has failed for good");
      return std::move(made_);
    }
    json data = to_data(what.by);
    data["as"] = name_of(what.as);
    const std::size_t step = **branch;
    record(fact_kind::compensation_resolved, step, data.dump());
    wake(progress_of(step).branch);
    return finish(false);
  }

  /// Nothing else changes: the run is where it was, and shows what it showed.
  decision operator()(const event::migrated& what) {
    if (is_repeated(what.by) || has_ended() || is_ending()) return std::move(made_);
    const std::string from = state_.definition->fingerprint();
    if (what.to->fingerprint() == from) {
      made_.refusal = forbidden("same_definition", "the run goes on by this definition already");
    } else if (what.is_executed) {
      made_.refusal = forbidden("executed", "a worker is at the run: it can be moved while it waits");
    } else if (!what.state) {
      made_.refusal = what.state.error();
    } else {
      state_ = *what.state;
      json data = to_data(what.by);
      data["from"] = from;
      data["to"] = what.to->fingerprint();
      data["steps"] = what.steps;
      record(fact_kind::run_migrated, std::nullopt, data.dump());
      made_.pins = what.to->fingerprint();
      if (is_snapshot_due(state_)) made_.keeps = take_snapshot(state_);
    }
    return std::move(made_);
  }

 private:
  static std::string_view name_of(event::compensation_resolved::how as) {
    using how = event::compensation_resolved::how;
    if (as == how::retried) return "retried";
    return as == how::done ? "done" : "skipped";
  }

  bool is_repeated(const event::command& by) {
    made_.repeated = !by.key.empty() && state_.command_keys.contains(by.key);
    return made_.repeated;
  }

  bool has_ended() {
    if (!state_.ended) return false;
    made_.refusal = forbidden("run_has_ended", "the run has ended: it is " + std::string(to_string(*state_.ended)));
    return true;
  }

  bool is_ending() {
    if (!state_.ending) return false;
    made_.refusal = forbidden("run_is_ending", "the run is ending: nothing begins in it any more");
    return true;
  }

  /// A branch goes on after a command, unless it has ended.
  void wake(std::size_t branch) {
    if (!state_.ended && state_.at(branch)) made_.woken.push_back(branch);
  }

  /// The branch on which something goes on, where there is only one.
  [[nodiscard]] std::size_t active_branch() const {
    return static_cast<std::size_t>(std::ranges::find_if(state_.branches, &std::optional<std::size_t>::has_value) -
                                    state_.branches.begin());
  }

  /// `change` says whether the gate is left with it.
  template <class Change>
  decision resolve(const event::command& by, const std::string& name, step_kind kind, const Change& change) {
    if (is_repeated(by) || has_ended() || is_ending()) return std::move(made_);
    const auto gate = find_gate(name, kind);
    if (!gate) return std::move(made_);
    const std::size_t branch = progress_of(*gate).branch;
    if (change(*gate)) wake(branch);
    return made_.facts.empty() ? std::move(made_) : finish(false);
  }

  /// The gates that are open: all, or the one of the name.
  [[nodiscard]] std::vector<std::size_t> open_gates(const std::string& name) const {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < state_.steps.size(); ++i) {
      if (!is_gate(declared(i).kind) || !state_.is_active(i) || !progress_of(i).opened) continue;
      if (name.empty() || declared(i).name == name) open.push_back(i);
    }
    return open;
  }

  /// The open gate of the name, or the only one of the kind; otherwise `refusal` says why there is none.
  std::optional<std::size_t> find_gate(const std::string& name, step_kind kind) {
    std::vector<std::size_t> open = open_gates(name);
    const auto is_other = [&](std::size_t gate) { return declared(gate).kind != kind; };
    if (!std::ranges::all_of(open, is_other)) std::erase_if(open, is_other);
    std::string names;
    for (const std::size_t gate : open) names += (names.empty() ? "" : ", ") + declared(gate).name;
    if (open.empty()) {
      made_.refusal = forbidden(
          "not_paused", name.empty() ? "the run is not at a gate: it is " + std::string(to_string(state_.status()))
                                     : "the run is not at the gate " + name);
    } else if (is_other(open.front())) {
      made_.refusal = forbidden("other_gate", names + (kind == step_kind::pause ? ": an approval, to approve or reject"
                                                                                : ": a pause, to unblock"));
    } else if (open.size() > 1) {
      made_.refusal = forbidden("several_gates", "several gates are open, say which: " + names);
    } else {
      return open.front();
    }
    return std::nullopt;
  }

  [[nodiscard]] json steps_of(const std::vector<std::size_t>& branches) const {
    json names = json::array();
    for (const std::size_t branch : branches) {
      const auto step = state_.at(branch);
      if (!step) continue;
      const auto lane = lane_at(*state_.definition, branch);
      names.push_back(lane ? lane_name(declared(*step), lane->lane) : declared(*step).name);
    }
    return names;
  }

  /// Edited inputs are for steps at which the run goes on.
  bool check_inputs(const json& inputs) {
    std::vector<problem> problems;
    if (!inputs.is_null() && !inputs.is_object()) {
      problems.push_back(
          {.path = "input", .rule = "input_is_not_an_object", .message = "inputs are an object, by step"});
    } else if (inputs.is_object()) {
      for (const auto& [name, input] : inputs.items()) {
        const auto step = state_.definition->find_step(name);
        const bool goes_on = step && std::ranges::find(state_.stopped_at, *step) != state_.stopped_at.end();
        if (!goes_on) {
          problems.push_back({.path = "input." + name,
                              .rule = "step_does_not_go_on",
                              .message = "the run doesn't go on at a step " + name});
        } else if (declared(*step).kind == step_kind::for_each) {
          problems.push_back({.path = "input." + name,
                              .rule = "list_goes_on_as_it_is",
                              .message = "step " + name + " goes on with the list with which it began"});
        } else if (!input.is_object()) {
          problems.push_back(
              {.path = "input." + name, .rule = "input_is_not_an_object", .message = "a step's input is an object"});
        }
      }
    }
    if (problems.empty()) return true;
    made_.refusal = error{.code = errc::invalid_argument,
                          .message = "the edited input doesn't fit the run",
                          .problems = std::move(problems)};
    return false;
  }
};

}  // namespace

decision decide(run_state& state, const command_event& what, const moment& when) {
  try {
    return std::visit(command_decider(state, when), what);
  } catch (const json::exception& e) {
    // It was on the way into the first fact: nothing has happened to the state.
    decision refused;
    refused.refusal = error{.code = errc::invalid_argument,
                            .message = std::string("what the command says can't be stored: ") + e.what()};
    return refused;
  }
}

}  // namespace squid_mesh::inline v1
