#include "telemetry/telling.h"

#include "model/run_origin.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

using enum telemetry_kind;

/// What a fact tells; nullopt: nothing that an event is about.
std::optional<telemetry_kind> kind_of(const fact& what, bool is_tried_again) {
  switch (what.kind) {
    case fact_kind::step_completed:
    case fact_kind::element_completed:
      return what.of.compensates ? step_compensated : step_completed;
    case fact_kind::gate_unblocked:
    case fact_kind::gate_approved:
    case fact_kind::event_taken:
      return step_completed;
    case fact_kind::step_failed:
      return is_tried_again ? step_retry_scheduled : step_failed;
    case fact_kind::gate_rejected:
    case fact_kind::gate_expired:
    case fact_kind::event_timed_out:
      return step_failed;
    case fact_kind::attempt_lost:
      return step_lost;
    case fact_kind::attempt_interrupted:
      return step_interrupted;
    case fact_kind::attempt_discarded:
      return step_discarded;
    case fact_kind::wait_started:
    case fact_kind::gate_opened:
    case fact_kind::event_awaited:
    case fact_kind::child_started:
      return step_waiting;
    case fact_kind::step_skipped:
      return step_skipped;
    case fact_kind::step_parked:
      return step_parked;
    case fact_kind::retry_requested:
      return run_retried;
    case fact_kind::run_migrated:
      return run_migrated;
    case fact_kind::worker_lost:
    case fact_kind::woken_early:
    case fact_kind::gate_voted:
    case fact_kind::event_received:
    case fact_kind::cancel_requested:
    case fact_kind::deadline_passed:
    case fact_kind::compensation_resolved:
    case fact_kind::elements_begun:
    case fact_kind::lane_ended:
      return std::nullopt;
  }
  std::unreachable();
}

/// Facts that bring their error along.
bool has_error(fact_kind kind) {
  return kind == fact_kind::step_failed || kind == fact_kind::attempt_lost || kind == fact_kind::attempt_discarded;
}

/// What went wrong where the fact itself says it.
std::string_view implied_error(fact_kind kind) {
  if (kind == fact_kind::gate_rejected) return "rejected";
  if (kind == fact_kind::gate_expired) return "expired";
  if (kind == fact_kind::event_timed_out) return "timeout";
  return {};
}

std::string text_in(const json& data, const char* key) {
  const auto found = data.find(key);
  return found != data.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void add_error(telemetry_event& event, const json& data) {
  if (!data.is_object()) return;
  if (const auto reason = data.find("error"); reason != data.end() && reason->is_object()) {
    event.error_code = text_in(*reason, "code");
    event.error_kind = text_in(*reason, "kind");
    event.error_message = text_in(*reason, "message");
  }
  if (const auto at = data.find("retry_at"); at != data.end() && at->is_number_integer()) {
    event.retry_at = time_point(microseconds(at->get<std::int64_t>()));
  }
}

telemetry_event about(const commit& applied, telemetry_kind kind, time_point at) {
  telemetry_event event{.kind = kind, .at = at, .run = applied.run};
  if (!applied.label) return event;
  event.workflow = applied.label->workflow;
  event.trigger = applied.label->trigger;
  event.traceparent = applied.label->traceparent;
  return event;
}

void tell_fact(const commit& applied, const fact& what, std::vector<telemetry_event>& told) {
  const json data = has_error(what.kind) ? json::parse(what.data, nullptr, false) : json();
  const auto kind = kind_of(what, data.is_object() && data.contains("retry_at"));
  if (!kind) return;
  telemetry_event event = about(applied, *kind, what.at);
  event.step = what.step;
  event.node = what.node;
  event.attempt = what.of.number;
  event.visit = what.of.visit;
  event.element = what.of.element;
  event.started_at = what.started_at;
  if (what.started_at) event.duration = std::max(microseconds(0), what.at - *what.started_at);
  event.error_kind = implied_error(what.kind);
  add_error(event, data);
  told.push_back(std::move(event));
}

std::optional<telemetry_kind> consequence_of(run_status from, run_status to) {
  if (to == run_status::completed) return run_completed;
  if (to == run_status::failed) return run_failed;
  if (to == run_status::cancelled) return run_cancelled;
  if (to == run_status::paused) return run_paused;
  if (from == run_status::paused) return run_resumed;
  return std::nullopt;
}

void tell_status(const commit& applied, time_point now, std::vector<telemetry_event>& told) {
  if (!applied.status || !applied.was || *applied.was == applied.status->status) return;
  const time_point at = applied.facts.empty() ? now : applied.facts.back().at;
  telemetry_event change = about(applied, run_transition, at);
  change.from = applied.was;
  change.to = applied.status->status;
  const auto kind = consequence_of(*change.from, *change.to);
  told.push_back(change);
  if (!kind) return;
  change.kind = *kind;
  if (applied.status->ended_at && applied.label) {
    change.started_at = applied.label->started_at;
    change.duration = std::max(microseconds(0), *applied.status->ended_at - applied.label->started_at);
  }
  told.push_back(std::move(change));
}

void tell_start(const run_record& run, std::vector<telemetry_event>& told) {
  run_label label = label_of(run);
  telemetry_event event{.kind = run_created,
                        .at = run.started_at,
                        .run = run.id,
                        .workflow = std::move(label.workflow),
                        .trigger = std::move(label.trigger),
                        .traceparent = std::move(label.traceparent),
                        .parent = run.parent,
                        .started_at = run.started_at};
  event.replay_of = run_id::parse(text_in(origin_of(run), "replay_of"));
  told.push_back(event);
  if (!event.replay_of) return;
  event.kind = run_replayed;
  told.push_back(std::move(event));
}

std::string_view outcome_of(job_change::kind change) {
  switch (change) {
    case job_change::kind::finish:
      return "completed";
    case job_change::kind::snooze:
      return "snoozed";
    case job_change::kind::give_back:
      return "released";
    case job_change::kind::retry:
      return "retryable";
    case job_change::kind::rescue:
      return "rescued";
    case job_change::kind::discard:
      return "discarded";
    case job_change::kind::cancel:
      return "cancelled";
    case job_change::kind::keep:
      break;
  }
  return {};
}

void tell_job(const commit& applied, const job_step& step, time_point now, std::vector<telemetry_event>& told) {
  const delivery& whose = step.whose;
  telemetry_event event = about(applied, whose.is_orphan ? job_rescued : job_acknowledged, now);
  event.job = whose.job;
  event.queue = whose.queue;
  event.worker = whose.worker;
  event.attempt = whose.attempt;
  event.outcome = outcome_of(step.change.is);
  if (whose.since != time_point()) event.duration = std::max(microseconds(0), now - whose.since);
  told.push_back(std::move(event));
}

}  // namespace

std::vector<telemetry_event> events_of(const commit& applied, const commit_outcome& outcome, time_point now) {
  std::vector<telemetry_event> told;
  // A commit with another fence is applied also where its run could not begin.
  const bool has_begun = !applied.start || outcome.inserted.empty() || outcome.inserted.back().value != 0;
  if (applied.start && has_begun) tell_start(*applied.start, told);
  for (const fact& each : applied.facts) tell_fact(applied, each, told);
  tell_status(applied, now, told);
  for (const job_step& each : applied.jobs) {
    if (!ends_delivery(each.change.is)) continue;
    if (std::ranges::find(outcome.lost, each.whose.job) != outcome.lost.end()) continue;
    tell_job(applied, each, now, told);
  }
  return told;
}

}  // namespace squid_mesh::inline v1
