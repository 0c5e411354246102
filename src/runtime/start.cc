#include "runtime/start.h"

#include "base/uuid_v7.h"
#include "model/run_job.h"
#include "progress/payload.h"

#include <squid_mesh/telemetry.hpp>

#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// The commit that makes the run and a job for each branch with which it begins.
commit begin_run(run_record run, const definition& workflow, std::optional<time_point> start_at) {
  using role = driven_branch::role;
  commit start;
  start.run = run.id;
  for (const std::size_t entry : workflow.entries()) {
    const definition::step& first = workflow.steps()[entry];
    driven_branch branch{.run = run.id, .is = role::only, .step = {}};
    if (workflow.has_dependencies()) branch = {.run = run.id, .is = role::one_of_many, .step = first.name};
    const std::string& queue = first.queue.empty() ? run.queue : first.queue;
    start.inserts.push_back(run_job(std::move(branch), queue, run.priority));
    start.inserts.back().scheduled_at = start_at;
  }
  if (run.deadline) {
    start.inserts.push_back(run_job({.run = run.id, .is = role::deadline, .step = {}}, run.queue, run.priority));
    start.inserts.back().scheduled_at = run.deadline;
  }
  start.start = std::move(run);
  return start;
}

/// As text, for the row.
std::string origin_text(json origin, const std::string& traceparent) {
  if (parse_traceparent(traceparent)) origin["traceparent"] = traceparent;
  return origin.is_null() ? std::string() : origin.dump();
}

}  // namespace

result<commit> plan_start(const start_request& request, time_point now, random_source& random) {
  const definition& workflow = *request.workflow;
  const definition::trigger* trigger =
      request.trigger.empty() ? &workflow.triggers().front() : workflow.find_trigger(request.trigger);
  if (trigger == nullptr) {
    return std::unexpected(error{.code = errc::not_found,
                                 .message = "workflow " + workflow.name() + " has no trigger " + request.trigger});
  }
  static const json nothing = json::object();
  const json& given = request.payload->is_null() ? nothing : *request.payload;
  auto payload = accept_payload(*trigger, given, now, request.max_payload_bytes);
  if (!payload) return std::unexpected(std::move(payload).error());
  return begin_run({.id = {make_uuid_v7(now, random)},
                    .workflow = workflow.name(),
                    .definition = workflow.fingerprint(),
                    .trigger = trigger->name,
                    .payload = *std::move(payload),
                    .started_at = now,
                    .queue = workflow.queue().empty() ? request.queue : workflow.queue(),
                    .priority = request.priority,
                    .start_key = request.key,
                    .deadline = request.deadline,
                    .origin = origin_text(request.origin, request.traceparent),
                    .parent = request.parent},
                   workflow, request.start_at);
}

result<std::vector<run_ref>> refs_of(storage::store& store, const std::vector<commit>& starts,
                                     const std::vector<commit_outcome>& outcomes) {
  std::vector<run_ref> refs;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    if (outcomes[i].applied) {
      refs.push_back({.id = starts[i].run});
      continue;
    }
    auto existing = store.find_by_start_key(starts[i].start->workflow, starts[i].start->start_key);
    if (!existing) return std::unexpected(std::move(existing).error());
    if (!*existing) {
      return std::unexpected(error{.code = errc::conflict,
                                   .message = "another transaction is starting the run: try again when it has ended",
                                   .kind = "start_key",
                                   .retryable = true});
    }
    refs.push_back({.id = **existing, .existing = true});
  }
  return refs;
}

commit plan_replay(const run_record& of, const definition& workflow, const json& origin, time_point now,
                   random_source& random) {
  return begin_run({.id = {make_uuid_v7(now, random)},
                    .workflow = workflow.name(),
                    .definition = workflow.fingerprint(),
                    .trigger = of.trigger,
                    .payload = of.payload,
                    .started_at = now,
                    .queue = of.queue,
                    .priority = of.priority,
                    .origin = origin.dump()},
                   workflow, std::nullopt);
}

}  // namespace squid_mesh::inline v1
