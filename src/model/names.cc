#include "model/names.h"

#include "model/fact.h"

#include <squid_mesh/jobs.hpp>
#include <squid_mesh/run.hpp>

namespace squid_mesh::inline v1 {
namespace {

// All in the order of the enumerators, all stored or shown: never change one.
constexpr std::array<std::string_view, 29> fact_kinds{
    "step_completed",    "step_failed",       "attempt_lost",    "attempt_interrupted",   "wait_started",
    "step_parked",       "worker_lost",       "woken_early",     "gate_opened",           "gate_voted",
    "gate_unblocked",    "gate_approved",     "gate_rejected",   "gate_expired",          "event_awaited",
    "event_received",    "event_taken",       "event_timed_out", "cancel_requested",      "deadline_passed",
    "attempt_discarded", "step_skipped",      "retry_requested", "compensation_resolved", "child_started",
    "elements_begun",    "element_completed", "lane_ended",      "run_migrated"};
constexpr std::array<std::string_view, 8> run_statuses{"pending", "running",   "retrying",   "paused",
                                                       "failed",  "completed", "cancelling", "cancelled"};
constexpr std::array<std::string_view, 8> step_statuses{"pending",   "running", "waiting", "retrying",
                                                        "completed", "failed",  "skipped", "cancelled"};
constexpr std::array<std::string_view, 7> attempt_statuses{"running", "completed",   "failed",   "timed_out",
                                                           "lost",    "interrupted", "cancelled"};
constexpr std::array<std::string_view, 8> job_states{"available", "suspended", "scheduled", "executing",
                                                     "retryable", "completed", "discarded", "cancelled"};

}  // namespace

std::string_view to_string(fact_kind kind) { return name_of(fact_kinds, kind); }
std::optional<fact_kind> parse_fact_kind(std::string_view name) { return parse_name<fact_kind>(fact_kinds, name); }

std::string_view to_string(run_status status) { return name_of(run_statuses, status); }
std::optional<run_status> parse_run_status(std::string_view name) { return parse_name<run_status>(run_statuses, name); }

std::string_view to_string(step_status status) { return name_of(step_statuses, status); }
std::optional<step_status> parse_step_status(std::string_view name) {
  return parse_name<step_status>(step_statuses, name);
}

std::string_view to_string(attempt_status status) { return name_of(attempt_statuses, status); }

namespace jobs {

std::string_view to_string(state s) { return name_of(job_states, s); }
std::optional<state> parse_state(std::string_view name) { return parse_name<state>(job_states, name); }

}  // namespace jobs
}  // namespace squid_mesh::inline v1
