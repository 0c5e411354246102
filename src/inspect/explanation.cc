#include "inspect/explanation.h"

#include "inspect/branch_look.h"
#include "inspect/next_actions.h"
#include "inspect/sentence.h"
#include "inspect/told_run.h"
#include "model/run_origin.h"

#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

/// Explains one run.
class explainer {
 public:
  explainer(const told_run& told, time_point now)
      : told_(told), state_(told.state), looks_(look_at_branches(told, now)) {}

  explanation operator()() const {
    explanation why{.run = told_.run.id,
                    .workflow = told_.run.workflow,
                    .status = told_.run.shown_status,
                    .reason = reason(),
                    .summary = told_.mask(summary_with_import() + "."),
                    .next_actions = told_.run.imported_at ? std::vector<next_action>() : actions_for(told_, looks_),
                    .evidence = told_.mask(evidence())};
    for (next_action& each : why.next_actions) {
      each.description = told_.mask(std::move(each.description));
      each.call = told_.mask(std::move(each.call));
      each.command = told_.mask(std::move(each.command));
    }
    return why;
  }

 private:
  [[nodiscard]] bool missed_its_deadline() const {
    return state_.error && member(*state_.error, "kind") == json("deadline");
  }

  [[nodiscard]] run_reason reason() const {
    if (!state_.ended) return told_.run.imported_at ? run_reason::imported : looks_.front().reason;
    if (state_.ended == run_status::completed) return run_reason::completed;
    if (state_.ended == run_status::cancelled) return run_reason::cancelled;
    return missed_its_deadline() ? run_reason::deadline_passed : run_reason::failed;
  }

  // -- The sentence, without its period

  [[nodiscard]] std::string summary_with_import() const {
    if (!told_.run.imported_at) return summary();
    const std::string at = instant_text(*told_.run.imported_at);
    if (state_.ended) return summary() + "; imported at " + at;
    return "Imported at " + at + " to be looked at: nothing works on it here. When it was exported: " + summary();
  }

  [[nodiscard]] std::string summary() const {
    if (state_.ended) return summary_of_end();
    if (state_.winds_down()) return summary_of_ending();
    if (state_.compensating) return clause_about(told_, looks_.front()) + summary_of_compensation();
    std::vector<std::string> others;
    for (auto look = looks_.begin() + 1; look != looks_.end(); ++look) {
      if (state_.is_active(look->step)) others.push_back(told_.declared(look->step).name);
    }
    std::string clause = clause_about(told_, looks_.front());
    if (others.empty()) return clause;
    return clause + "; " + list_text(others) + (others.size() == 1 ? " is active, too" : " are active, too");
  }

  [[nodiscard]] std::string summary_of_ending() const {
    std::vector<std::string> steps;
    steps.reserve(looks_.size());
    for (const branch_look& look : looks_) steps.push_back(told_.declared(look.step).name);
    const std::string since = instant_text(told_.ending_since.value_or(state_.last_at));
    const std::string last = list_text(steps) + (steps.size() == 1 ? " has ended" : " have ended");
    switch (looks_.front().reason) {
      case run_reason::cancelling:
        return "Being cancelled" + by() + " since " + since + because() + "; this is done when " + last;
      case run_reason::deadline_passed:
        return "Its deadline passed at " + since + "; the run fails when " + last;
      default:
        return "Step " + in_quotes(failed_step().value_or("")) + " failed at " + since + " (" + message() +
               "); the run fails when " + last;
    }
  }

  [[nodiscard]] std::string summary_of_compensation() const {
    const auto step = failed_step();
    const std::string cause = step ? "step " + in_quotes(*step) + " failed" : "the run failed";
    const std::size_t left = state_.to_compensate.size();
    return "; the run is being compensated, because " + cause + " (" + message() + ")" +
           (left == 0 ? ""
                      : ", and " + count_text(left, "step") + (left == 1 ? " is" : " are") + " left after this one");
  }

  [[nodiscard]] std::string summary_of_end() const {
    const std::string at = " at " + instant_text(told_.ends.back().at);
    switch (reason()) {
      case run_reason::completed:
        return "Completed" + at + " after " + count_text(told_.path.size(), "step");
      case run_reason::cancelled:
        return "Cancelled" + at + by() + because();
      case run_reason::deadline_passed:
        return "Failed" + at + ", because its deadline had passed";
      default: {
        const auto step = failed_step();
        return "Failed" + at + (step ? " in step " + in_quotes(*step) + attempts_of(*step) : "") + ": " + message() +
               what_was_compensated();
      }
    }
  }

  [[nodiscard]] std::string attempts_of(const std::string& step) const {
    const int attempts = state_.steps[*state_.definition->find_step(step)].attempts;
    return attempts > 1 ? " after " + count_text(static_cast<std::size_t>(attempts), "attempt") : "";
  }

  /// How what the run had done was made good, or nothing where it wasn't.
  [[nodiscard]] std::string what_was_compensated() const {
    if (!state_.compensating) return "";
    std::vector<std::string> skipped;
    for (std::size_t i = 0; i < state_.steps.size(); ++i) {
      const auto of = state_.definition->compensated_by(i);
      if (of && state_.steps[i].status == step_status::skipped) skipped.push_back(told_.declared(*of).name);
    }
    if (skipped.empty()) return "; what it had done was compensated";
    return "; what it had done was compensated, but for " + list_text(skipped);
  }

  [[nodiscard]] std::string message() const { return message_text(state_.error.value_or(json())); }

  /// The step because of which the run fails.
  [[nodiscard]] std::optional<std::string> failed_step() const {
    const bool has_failed = state_.ending == run_status::failed && !state_.discards_results;
    if (!has_failed || state_.stopped_at.empty()) return std::nullopt;
    return told_.declared(state_.stopped_at.front()).name;
  }

  // -- Who has cancelled it, and why

  [[nodiscard]] std::optional<json> said(const char* key) const {
    const fact* const command = told_.wound_down_by;
    if (command == nullptr || command->kind != fact_kind::cancel_requested) return std::nullopt;
    return member(data_of(*command), key);
  }
  [[nodiscard]] std::string by() const {
    const auto actor = said("actor");
    return actor && actor->is_string() ? " by " + actor->get<std::string>() : "";
  }
  [[nodiscard]] std::string because() const {
    const auto reason = said("reason");
    return reason && reason->is_string() ? " (" + reason->get<std::string>() + ")" : "";
  }

  // -- The same for programs

  [[nodiscard]] json evidence() const {
    json branches = json::array();
    for (const branch_look& look : looks_) branches.push_back(to_evidence(told_, look));
    json out = branches.empty() ? json::object() : branches.front();
    out["branches"] = std::move(branches);
    if (const auto parent = parent_of(told_.run)) {
      out["parent"] = {{"run", to_string(parent->run)}, {"step", parent->step}, {"key", parent->key}};
    }
    if (told_.run.deadline) out["deadline"] = to_string(*told_.run.deadline);
    if (state_.compensating && !state_.ended) {
      out["compensating"] = json::array();
      for (const completion& each : state_.to_compensate) out["compensating"].push_back(told_.declared(each.step).name);
    }
    for (const auto& [name, waiting] : state_.events) {
      out["pending_events"].push_back(to_json(pending_event{.name = name, .count = waiting.size()}));
    }
    if (auto actor = said("actor")) out["by"] = *std::move(actor);
    if (auto why = said("reason")) out["because"] = *std::move(why);
    if (auto step = failed_step()) out["failed_step"] = *std::move(step);
    if (state_.error) out["error"] = *state_.error;
    if (state_.ended) out["ended_at"] = to_string(told_.ends.back().at);
    if (told_.run.imported_at) out["imported_at"] = to_string(*told_.run.imported_at);
    return out;
  }

  const told_run& told_;
  const run_state& state_;
  const std::vector<branch_look> looks_;
};

}  // namespace

result<explanation> explain(const view_request& request, time_point now) {
  const auto told = tell(request);
  if (!told) return std::unexpected(told.error());
  return explainer(*told, now)();
}

}  // namespace squid_mesh::inline v1
