// Schedules.
#include "cron/schedule.h"
#include "mesh/impl.h"
#include "runtime/start.h"
#include "runtime/tick_worker.h"

#include <algorithm>
#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

result<schedule_record> find_schedule(storage::store& store, std::string_view workflow, std::string_view trigger) {
  auto all = store.list_schedules();
  if (!all) return std::unexpected(std::move(all).error());
  const auto found = std::ranges::find_if(
      *all, [&](const schedule_record& each) { return each.workflow == workflow && each.trigger == trigger; });
  if (found != all->end()) return *found;
  return std::unexpected(
      error{.code = errc::not_found,
            .message = "there is no schedule " + std::string(trigger) + " of workflow " + std::string(workflow)});
}

}  // namespace

json to_json(const schedule_view& schedule) {
  json out = {{"workflow", schedule.workflow},          {"trigger", schedule.trigger},
              {"expression", schedule.expression},      {"timezone", schedule.timezone},
              {"next_at", to_string(schedule.next_at)}, {"paused", schedule.paused}};
  if (schedule.last_at) out["last_at"] = to_string(*schedule.last_at);
  if (schedule.last_run) out["last_run"] = to_string(*schedule.last_run);
  return out;
}

result<std::vector<schedule_view>> mesh::list_schedules() const {
  auto records = impl_->workers.store().list_schedules();
  if (!records) return std::unexpected(std::move(records).error());
  std::vector<schedule_view> views;
  for (schedule_record& each : *records) {
    views.push_back({.workflow = std::move(each.workflow),
                     .trigger = std::move(each.trigger),
                     .expression = std::move(each.expression),
                     .timezone = std::move(each.timezone),
                     .next_at = each.next_at,
                     .last_at = each.last_at,
                     .last_run = each.last_run,
                     .paused = each.paused_at.has_value()});
  }
  return views;
}

result<bool> mesh::pause_schedule(std::string_view workflow, std::string_view trigger) {
  auto found = find_schedule(impl_->workers.store(), workflow, trigger);
  if (!found) return std::unexpected(std::move(found).error());
  return impl_->workers.store().set_schedule_paused(workflow, trigger, true, found->next_at, impl_->workers.now());
}

result<bool> mesh::resume_schedule(std::string_view workflow, std::string_view trigger) {
  auto found = find_schedule(impl_->workers.store(), workflow, trigger);
  if (!found) return std::unexpected(std::move(found).error());
  const time_point now = impl_->workers.now();
  // What a pause has let pass is not missed.
  auto next = next_tick(found->expression, found->timezone, now);
  if (!next) return std::unexpected(std::move(next).error());
  auto resumed = impl_->workers.store().set_schedule_paused(workflow, trigger, false, *next, now);
  if (resumed && *resumed) impl_->workers.worker_node().look_again();
  return resumed;
}

result<run_ref> mesh::trigger_schedule(std::string_view workflow, std::string_view trigger) {
  auto found = impl_->known.newest(workflow);
  if (!found) return std::unexpected(std::move(found).error());
  const definition::trigger* declared = (*found)->find_trigger(trigger);
  if (declared == nullptr || !declared->schedule) {
    return std::unexpected(
        error{.code = errc::not_found,
              .message = "workflow " + std::string(workflow) + " has no cron trigger " + std::string(trigger)});
  }
  const time_point now = impl_->workers.now();
  const json payload = impl_->known.tick_payload({.workflow = std::string(workflow), .trigger = declared->name});
  auto start = plan_start({.workflow = found->get(),
                           .trigger = declared->name,
                           .payload = &payload,
                           .queue = impl_->options.queue,
                           .max_payload_bytes = impl_->options.max_payload_bytes,
                           .origin = {{"schedule", schedule_context(*declared, {.at = now, .window_start = now})}}},
                          now, impl_->workers.random());
  if (!start) return std::unexpected(std::move(start).error());
  std::vector<commit> starts;
  starts.push_back(*std::move(start));
  auto refs = impl_->write_starts(starts);
  if (!refs) return std::unexpected(std::move(refs).error());
  return refs->front();
}

void mesh::set_schedule_payload(std::string_view workflow, std::string_view trigger, json payload) {
  impl_->known.set_tick_payload({.workflow = std::string(workflow), .trigger = std::string(trigger)},
                                std::move(payload));
}

}  // namespace squid_mesh::inline v1
