// Jobs that carry runs: the one place that knows their form in the job table. It is stored, so it never changes.
#pragma once

#include "model/records.h"

#include <squid_mesh/ids.hpp>

#include <compare>
#include <optional>
#include <string>

namespace squid_mesh::inline v1 {

/// Their worker string. Their args are `{"run_id": "..."}`, with `"step"` where they drive one branch of several.
inline constexpr const char* run_worker_name = "squid_mesh.run";
/// The worker string of jobs that end a run at its deadline; args `{"run_id": "..."}`.
inline constexpr const char* deadline_worker_name = "squid_mesh.deadline";
/// The worker string of jobs that fire a schedule; args `{"workflow": "...", "trigger": "..."}`.
inline constexpr const char* tick_worker_name = "squid_mesh.tick";

/// The worker string of jobs that cancel what a run has started; args `{"parent_id": "..."}`.
inline constexpr const char* children_worker_name = "squid_mesh.children";

/// A job that drives a branch of a run, or watches its deadline; available at once.
job_insert run_job(driven_branch branch, const std::string& queue, int priority = 0);

/// A job that fires a schedule when it is due.
job_insert tick_job(const std::string& workflow, const std::string& trigger, const std::string& queue, time_point at);

/// A job that cancels the runs which this one has started, if they are to be.
job_insert children_job(const run_id& parent, const std::string& queue);
/// Whose children a job cancels, if it does that.
std::optional<run_id> parent_in(const job_row& job);

/// What a job drives, if it carries a run.
std::optional<driven_branch> driven_by(const job_row& job);

/// Names a cron trigger of a workflow.
struct schedule_name {
  std::string workflow;
  std::string trigger;

  auto operator<=>(const schedule_name&) const = default;
};
/// Which schedule a job fires, if it does that.
std::optional<schedule_name> schedule_of(const job_row& job);

}  // namespace squid_mesh::inline v1
