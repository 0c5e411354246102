// The names of the read models' enumerators.
#include "model/names.h"

#include <squid_mesh/explanation.hpp>
#include <squid_mesh/graph.hpp>

namespace squid_mesh::inline v1 {
namespace {

// All in the order of the enumerators, all read by programs: never change one.
constexpr std::array<std::string_view, 21> run_reasons{"waiting_for_approval",
                                                       "paused",
                                                       "compensation_failed",
                                                       "parked_without_handler",
                                                       "cancelling",
                                                       "deadline_passed",
                                                       "failing",
                                                       "waiting_for_retry",
                                                       "waiting_for_child",
                                                       "waiting_for_event",
                                                       "waiting_for_time",
                                                       "job_missing",
                                                       "running_step",
                                                       "running_elements",
                                                       "waiting_for_worker",
                                                       "waiting_to_start",
                                                       "waiting_for_siblings",
                                                       "completed",
                                                       "failed",
                                                       "cancelled",
                                                       "imported"};
constexpr std::array<std::string_view, 14> run_actions{"approve",
                                                       "reject",
                                                       "unblock",
                                                       "retry_compensation",
                                                       "skip_compensation",
                                                       "mark_compensated",
                                                       "signal",
                                                       "explain_child",
                                                       "add_handler",
                                                       "work",
                                                       "retry",
                                                       "replay",
                                                       "wait",
                                                       "cancel"};
constexpr std::array<std::string_view, 4> edge_statuses{"selected", "skipped", "pending", "blocked"};

}  // namespace

std::string_view to_string(run_reason reason) { return name_of(run_reasons, reason); }
std::string_view to_string(run_action action) { return name_of(run_actions, action); }
std::string_view to_string(edge_status status) { return name_of(edge_statuses, status); }

}  // namespace squid_mesh::inline v1
