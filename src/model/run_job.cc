#include "model/run_job.h"

#include <squid_mesh/json.hpp>

#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// A text member of a job's args; null where there is none.
const std::string* text_in(const json& args, const char* key) {
  if (!args.is_object()) return nullptr;
  const auto found = args.find(key);
  return found == args.end() ? nullptr : found->get_ptr<const std::string*>();
}

}  // namespace

job_insert run_job(driven_branch branch, const std::string& queue, int priority) {
  json args = {{"run_id", to_string(branch.run)}};
  if (branch.is == driven_branch::role::one_of_many) args["step"] = branch.step;
  job_insert job{.queue = queue, .args = args.dump(), .priority = priority};
  job.worker = branch.is == driven_branch::role::deadline ? deadline_worker_name : run_worker_name;
  job.drives = std::move(branch);
  return job;
}

job_insert tick_job(const std::string& workflow, const std::string& trigger, const std::string& queue, time_point at) {
  return {.queue = queue,
          .worker = tick_worker_name,
          .args = json{{"workflow", workflow}, {"trigger", trigger}}.dump(),
          .scheduled_at = at};
}

job_insert children_job(const run_id& parent, const std::string& queue) {
  return {.queue = queue, .worker = children_worker_name, .args = json{{"parent_id", to_string(parent)}}.dump()};
}

std::optional<run_id> parent_in(const job_row& job) {
  if (job.worker != children_worker_name) return std::nullopt;
  const json args = json::parse(job.args, nullptr, false);
  const std::string* const id = text_in(args, "parent_id");
  return id == nullptr ? std::nullopt : run_id::parse(*id);
}

std::optional<driven_branch> driven_by(const job_row& job) {
  using role = driven_branch::role;
  const bool is_deadline = job.worker == deadline_worker_name;
  if (job.worker != run_worker_name && !is_deadline) return std::nullopt;
  const json args = json::parse(job.args, nullptr, false);
  const std::string* const id = text_in(args, "run_id");
  const auto run = id == nullptr ? std::nullopt : run_id::parse(*id);
  if (!run) return std::nullopt;
  if (is_deadline) return driven_branch{.run = *run, .is = role::deadline, .step = {}};
  const std::string* const step = text_in(args, "step");
  if (step == nullptr) return driven_branch{.run = *run, .is = role::only, .step = {}};
  return driven_branch{.run = *run, .is = role::one_of_many, .step = *step};
}

std::optional<schedule_name> schedule_of(const job_row& job) {
  if (job.worker != tick_worker_name) return std::nullopt;
  const json args = json::parse(job.args, nullptr, false);
  const std::string* const workflow = text_in(args, "workflow");
  const std::string* const trigger = text_in(args, "trigger");
  if (workflow == nullptr || trigger == nullptr) return std::nullopt;
  return schedule_name{.workflow = *workflow, .trigger = *trigger};
}

}  // namespace squid_mesh::inline v1
