#include "model/run_origin.h"

#include <string>

namespace squid_mesh::inline v1 {
namespace {

using role = driven_branch::role;

std::optional<driven_branch> waiting_in(const json& said, const run_id& parent) {
  if (!said.value("waits", false)) return std::nullopt;
  if (!said.contains("branch")) return driven_branch{.run = parent, .is = role::only, .step = {}};
  return driven_branch{.run = parent, .is = role::one_of_many, .step = said["branch"].get<std::string>()};
}

}  // namespace

json origin_of(const run_record& run) {
  json origin = run.origin.empty() ? json::object() : json::parse(run.origin, nullptr, false);
  return origin.is_object() ? origin : json::object();
}

std::optional<parent_link> parent_of(const run_record& run) {
  if (!run.parent) return std::nullopt;
  try {
    const json said = origin_of(run).at("parent");
    return parent_link{.run = *run.parent,
                       .step = said.at("step").get<std::string>(),
                       .key = said.at("key").get<std::string>(),
                       .is_cancelled_along = said.at("cancel").get<bool>(),
                       .depth = said.at("depth").get<int>(),
                       .waiting = waiting_in(said, *run.parent),
                       .queue = said.value("queue", ""),
                       .priority = said.value("priority", 0)};
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

run_label label_of(const run_record& run) {
  const json origin = origin_of(run);
  const auto trace = origin.find("traceparent");
  return {.workflow = run.workflow,
          .trigger = run.trigger,
          .traceparent = trace != origin.end() && trace->is_string() ? trace->get<std::string>() : std::string(),
          .started_at = run.started_at};
}

json to_json(const parent_link& parent) {
  json said = {
      {"step", parent.step}, {"key", parent.key}, {"cancel", parent.is_cancelled_along}, {"depth", parent.depth}};
  if (!parent.waiting) return said;
  said["waits"] = true;
  said["queue"] = parent.queue;
  said["priority"] = parent.priority;
  if (parent.waiting->is == role::one_of_many) said["branch"] = parent.waiting->step;
  return said;
}

}  // namespace squid_mesh::inline v1
