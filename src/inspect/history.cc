#include "inspect/history.h"

#include "inspect/sentence.h"
#include "model/run_origin.h"

#include <map>
#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

std::string text_of(const json& data, const char* key) {
  const auto value = member(data, key);
  return value && value->is_string() ? value->get<std::string>() : std::string();
}

/// ` until 2026-11-22 09:00:00 UTC`, or nothing.
std::string until(const json& data) {
  const auto at = instant(data, "until");
  return at ? " until " + instant_text(*at) : "";
}

/// `: the reason`, or nothing.
std::string because(const json& data) {
  const std::string reason = text_of(data, "reason");
  return reason.empty() ? "" : ": " + reason;
}

std::string people(const json& count) {
  const int wanted = count.is_number_integer() ? count.get<int>() : 1;
  return wanted == 1 ? "1 person" : std::to_string(wanted) + " people";
}

/// Tells the history in words.
class historian {
 public:
  historian(const told_run& told, const std::vector<fact>& facts) : told_(told), facts_(facts) {}

  std::vector<audit_event> operator()() {
    add_start();
    auto end = told_.ends.begin();
    auto recovery = told_.recoveries.begin();
    for (const fact& f : facts_) {
      add(f);
      if (recovery != told_.recoveries.end() && recovery->after == f.seq) add(*recovery++);
      if (end == told_.ends.end() || end->after != f.seq) continue;
      add(*end++);
    }
    return std::move(events_);
  }

 private:
  void add(std::int64_t seq, time_point at, std::string kind, std::string step, std::string text, json details) {
    events_.push_back({.seq = seq,
                       .at = at,
                       .kind = std::move(kind),
                       .step = std::move(step),
                       .text = told_.mask(std::move(text)),
                       .details = told_.mask(std::move(details))});
  }

  void add_start() {
    const run_record& run = told_.run;
    json details = origin_of(run);
    std::string text = "Started by trigger " + in_quotes(run.trigger);
    if (details.contains("schedule")) text += ", as scheduled";
    if (const std::string id = text_of(details, "replay_of"); !id.empty()) text += ", as a replay of run " + id;
    if (const auto parent = parent_of(run)) {
      text += ", by step " + in_quotes(parent->step) + " of run " + to_string(parent->run);
      details["parent"] = {{"run", to_string(parent->run)}, {"step", parent->step}, {"key", parent->key}};
    }
    if (const std::string actor = text_of(details, "actor"); !actor.empty()) text += ", by " + actor;
    details["trigger"] = run.trigger;
    details["payload"] = told_.mask.fields(told_.mask.payload());
    if (!run.start_key.empty()) details["start_key"] = run.start_key;
    if (run.deadline) details["deadline"] = to_string(*run.deadline);
    add(0, run.started_at, "run_started", {}, text + ".", std::move(details));
  }

  void add(const told_end& end) {
    json details = json::object();
    if (end.error) details["error"] = *end.error;
    std::string text = "The run completed";
    if (end.status == run_status::failed) text = "The run failed: " + message_text(end.error.value_or(json()));
    if (end.status == run_status::cancelled) text = "The run was cancelled";
    add(end.after, end.at, "run_" + std::string(to_string(end.status)), {}, text + ".", std::move(details));
  }

  void add(const told_recovery& begun) {
    if (!begun.transition) {
      return add(begun.after, begun.at, "compensation_begun", {},
                 "Compensation begins, because the run fails: " + count_text(begun.steps, "step") +
                     (begun.steps == 1 ? " is" : " are") + " made good, the last one first.",
                 {{"steps", begun.steps}});
    }
    const definition::transition& route = told_.state.definition->transitions()[*begun.transition];
    const std::string kind(to_string(route.recovery));
    const std::string what = route.recovery == recovery::undo ? "Undoing what was done" : "Compensation";
    add(begun.after, begun.at, kind + "_begun", route.from,
        what + " begins, because step " + in_quotes(route.from) + " failed: with step " + in_quotes(route.to) + ".",
        {{"to", route.to}});
  }

  void add(const fact& f) {
    const json data = data_of(f);
    add(f.seq, f.at, std::string(to_string(f.kind)), f.step, tell(f, data) + ".", details_of(f, data));
  }

  static json details_of(const fact& f, const json& data) {
    json details = json::object();
    if (f.kind == fact_kind::step_completed) {
      if (!data.is_null()) details["output"] = data;
    } else if (data.is_object()) {
      details = data;
      for (const char* key : {"retry_at", "until"}) {
        if (const auto at = instant(data, key)) details[key] = to_string(*at);
      }
      rename(details, "name", "event");
      if (is_decision(f.kind)) rename(details, "reason", "comment");
    }
    if (!f.node.empty()) details["node"] = f.node;
    return details;
  }

  static bool is_decision(fact_kind kind) {
    return kind == fact_kind::gate_voted || kind == fact_kind::gate_unblocked || kind == fact_kind::gate_approved ||
           kind == fact_kind::gate_rejected;
  }

  static void rename(json& object, const char* from, const char* to) {
    const auto found = object.find(from);
    if (found == object.end()) return;
    json value = std::move(*found);
    object.erase(found);
    object[to] = std::move(value);
  }

  /// The sentence, but for its period.
  std::string tell(const fact& f, const json& data) {
    const std::string step = in_quotes(f.step);
    const std::string worker = f.node.empty() ? "a worker" : f.node;
    switch (f.kind) {
      case fact_kind::step_completed:
        return "Step " + step + " completed";
      case fact_kind::step_failed:
      case fact_kind::attempt_lost:
        return tell_failure(f, data);
      case fact_kind::element_completed:
        return subject(f, data) + " completed";
      case fact_kind::elements_begun:
        return "Step " + step + " begins with a list of " + count_text(number_of(data, "count"), "element");
      case fact_kind::lane_ended:
        return "Step " + step + " begins no other element";
      case fact_kind::attempt_interrupted:
        return subject(f, data) + " was interrupted, because " + worker + " shut down; it runs again";
      case fact_kind::wait_started:
        return "Step " + step + " waits" + until(data);
      case fact_kind::child_started:
        return "Step " + step + " started run " + text_of(data, "run") + " of workflow " +
               in_quotes(text_of(data, "workflow")) + ", and waits for its end";
      case fact_kind::step_parked:
        return worker + " has no handler for step " + step + "; the run waits for a process that has one";
      case fact_kind::worker_lost:
        return worker + " died while step " + step + " waited; nothing was lost";
      case fact_kind::woken_early:
        return "Step " + step + " was woken before its time, and waits on";
      case fact_kind::attempt_discarded:
        return subject(f, data) + " ended when its result was not wanted any more";
      case fact_kind::step_skipped:
        return "Step " + step + " is skipped, because the run is ending";
      default:
        return tell_of_people(f, data);
    }
  }

  static std::size_t number_of(const json& data, const char* key) {
    const auto number = member(data, key);
    return number && number->is_number_unsigned() ? number->get<std::size_t>() : 0;
  }

  /// `Step "invite"`, or `Element 3 of step "invite"`
  static std::string subject(const fact& f, const json& data) {
    if (f.kind == fact_kind::step_completed || !member(data, "index")) return "Step " + in_quotes(f.step);
    return "Element " + std::to_string(number_of(data, "index")) + " of step " + in_quotes(f.step);
  }
  /// In the middle of a sentence.
  static std::string lower(std::string subject) {
    subject.front() = subject.front() == 'S' ? 's' : 'e';
    return subject;
  }

  static std::string tell_failure(const fact& f, const json& data) {
    const auto again = instant(data, "retry_at");
    const bool is_lost = f.kind == fact_kind::attempt_lost;
    const std::string text =
        is_lost ? (f.node.empty() ? "A worker" : f.node) + " died during " + lower(subject(f, data))
                : subject(f, data) + " failed: " + message_text(member(data, "error").value_or(json()));
    if (!again) return text + (is_lost ? "; it isn't tried again" : "; that is final");
    return text + (*again <= f.at ? "; it runs again" : "; it is tried again at " + instant_text(*again));
  }

  std::string tell_of_people(const fact& f, const json& data) {
    const std::string step = in_quotes(f.step);
    const std::string actor = text_of(data, "actor");
    const std::string who = actor.empty() ? "Somebody" : actor;
    switch (f.kind) {
      case fact_kind::gate_opened:
        approvals_[f.step] = 0;
        if (!is_approval(f.step)) return "The run is paused at " + step + until(data);
        return "Step " + step + " waits for the approval of " + people(member(data, "quorum").value_or(json())) +
               until(data);
      case fact_kind::gate_voted:
        return who + " approved " + step + " (" + std::to_string(++approvals_[f.step]) + " of " +
               std::to_string(quorum_of(f.step)) + ")" + because(data);
      case fact_kind::gate_unblocked:
        return who + " ended the pause " + step + because(data);
      case fact_kind::gate_approved:
        return who + " approved " + step + (quorum_of(f.step) > 1 ? ", as the last one needed" : "") + because(data);
      case fact_kind::gate_rejected:
        return who + " rejected " + step + because(data);
      case fact_kind::gate_expired:
        return "Nobody decided about " + step + " in time";
      case fact_kind::cancel_requested:
        return who + " cancelled the run" + because(data);
      case fact_kind::deadline_passed:
        return "The run's deadline passed";
      case fact_kind::compensation_resolved:
        return tell_resolution(who, step, text_of(data, "as")) + because(data);
      case fact_kind::retry_requested:
        return who + " let the run go on where it failed" + because(data);
      case fact_kind::run_migrated:
        return who + " moved the run to another definition of its workflow" + because(data);
      default:
        return tell_of_event(f, data);
    }
  }

  static std::string tell_resolution(const std::string& who, const std::string& step, const std::string& as) {
    if (as == "retried") return who + " let " + step + " be tried again";
    return who + (as == "done" ? " marked " + step + " as done" : " skipped " + step);
  }

  [[nodiscard]] std::string tell_of_event(const fact& f, const json& data) const {
    const std::string step = in_quotes(f.step);
    const std::string actor = text_of(data, "actor");
    switch (f.kind) {
      case fact_kind::event_awaited:
        return "Step " + step + " waits for the event " + in_quotes(text_of(data, "name")) + until(data);
      case fact_kind::event_received:
        return "The event " + in_quotes(text_of(data, "name")) + " came" + (actor.empty() ? "" : " from " + actor);
      case fact_kind::event_taken:
        return "Step " + step + " took the event " + in_quotes(event_of(f.step));
      case fact_kind::event_timed_out:
        return "The event " + in_quotes(event_of(f.step)) + ", for which step " + step +
               " waited, did not come in time";
      default:
        return std::string(to_string(f.kind));
    }
  }

  [[nodiscard]] const definition::step& declared(const std::string& step) const {
    // The journal was folded: all its steps are declared.
    return told_.declared(*told_.state.definition->find_step(step));
  }
  [[nodiscard]] bool is_approval(const std::string& step) const { return declared(step).kind == step_kind::approval; }
  [[nodiscard]] int quorum_of(const std::string& step) const { return declared(step).quorum; }
  [[nodiscard]] const std::string& event_of(const std::string& step) const { return declared(step).event; }

  const told_run& told_;
  const std::vector<fact>& facts_;
  std::map<std::string, int> approvals_;
  std::vector<audit_event> events_;
};

}  // namespace

std::vector<audit_event> history_of(const told_run& told, const std::vector<fact>& facts) {
  return historian(told, facts)();
}

}  // namespace squid_mesh::inline v1
