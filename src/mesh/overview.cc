// Looking at everything that is in the database beside runs.
#include "mesh/impl.h"

#include <utility>

namespace squid_mesh::inline v1 {

json to_json(const definition_view& of) {
  return {{"fingerprint", of.fingerprint},
          {"workflow", of.workflow},
          {"version", of.version},
          {"added_at", to_string(of.added_at)}};
}

json to_json(const node_view& node) {
  return {{"name", node.name},
          {"id", node.id},
          {"started_at", to_string(node.started_at)},
          {"heard_of_at", to_string(node.heard_of_at)},
          {"is_alive", node.is_alive}};
}

json to_json(const queue_view& queue) {
  json out = {{"queue", queue.queue},         {"available", queue.available}, {"scheduled", queue.scheduled},
              {"executing", queue.executing}, {"retryable", queue.retryable}, {"is_paused", queue.is_paused}};
  if (queue.waiting_since) out["waiting_since"] = to_string(*queue.waiting_since);
  return out;
}

result<std::vector<definition_view>> mesh::list_definitions(std::string_view workflow) const {
  const auto found = impl_->workers.store().list_definitions(workflow);
  if (!found) return std::unexpected(found.error());
  std::vector<definition_view> seen;
  for (const definition_record& each : *found) {
    seen.push_back(
        {.fingerprint = each.fingerprint, .workflow = each.name, .version = each.version, .added_at = each.added_at});
  }
  return seen;
}

result<definition> mesh::find_definition(std::string_view fingerprint) const {
  const auto found = impl_->known.pinned(std::string(fingerprint));
  if (!found) return std::unexpected(found.error());
  return **found;
}

result<std::vector<node_view>> mesh::list_nodes() const {
  const auto found = impl_->workers.store().list_nodes();
  if (!found) return std::unexpected(found.error());
  const time_point now = impl_->workers.now();
  std::vector<node_view> seen;
  for (const node_record& each : *found) {
    seen.push_back({.name = each.node.name,
                    .id = each.node.id,
                    .started_at = each.started_at,
                    .heard_of_at = each.beat_at,
                    .is_alive = each.expires_at > now});
  }
  return seen;
}

result<std::map<run_status, std::size_t>> mesh::count_live_runs() const {
  return impl_->workers.store().count_live_runs();
}

result<std::vector<queue_view>> mesh::list_queues() const {
  const auto found = impl_->workers.store().list_queues();
  if (!found) return std::unexpected(found.error());
  std::vector<queue_view> seen;
  for (const queue_record& each : *found) {
    seen.push_back({.queue = each.queue,
                    .available = each.available,
                    .scheduled = each.scheduled,
                    .executing = each.executing,
                    .retryable = each.retryable,
                    .waiting_since = each.waiting_since,
                    .is_paused = each.is_paused});
  }
  return seen;
}

}  // namespace squid_mesh::inline v1
