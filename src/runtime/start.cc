#include "runtime/start.h"

#include "base/uuid_v7.h"
#include "model/run_job.h"
#include "progress/payload.h"

#include <utility>

namespace squid_mesh {

result<commit> plan_start(const start_request& request, time_point now, random_source& random) {
  const definition& workflow = *request.workflow;
  const definition::trigger* trigger =
      request.trigger.empty() ? &workflow.triggers().front() : workflow.find_trigger(request.trigger);
  if (trigger == nullptr) {
    return std::unexpected(error{.code = errc::not_found,
                                 .message = "workflow " + workflow.name() + " has no trigger " + request.trigger});
  }
  auto payload = accept_payload(*trigger, *request.payload, now, request.max_payload_bytes);
  if (!payload) return std::unexpected(std::move(payload).error());

  commit start;
  start.run = {make_uuid_v7(now, random)};
  start.start = run_record{.id = start.run,
                           .workflow = workflow.name(),
                           .definition = workflow.fingerprint(),
                           .trigger = trigger->name,
                           .payload = *std::move(payload),
                           .started_at = now};
  start.inserts.push_back(run_job(start.run, request.queue));
  return start;
}

}  // namespace squid_mesh
