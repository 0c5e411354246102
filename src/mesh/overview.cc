// Looking at everything that is in the database beside runs.
#include "mesh/impl.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {

json to_json(const definition_view& of) {
  return {{"fingerprint", of.fingerprint},
          {"workflow", of.workflow},
          {"version", of.version},
          {"added_at", to_string(of.added_at)}};
}

json to_json(const node_view& node) {
  json queues = json::array();
  for (const queue_limit& each : node.queues) {
    json& entry = queues.emplace_back(json{{"queue", each.queue}, {"limit", each.limit}});
    if (each.everywhere) entry["everywhere"] = *each.everywhere;
  }
  return {{"name", node.name},
          {"id", node.id},
          {"started_at", to_string(node.started_at)},
          {"heard_of_at", to_string(node.heard_of_at)},
          {"is_alive", node.is_alive},
          {"queues", std::move(queues)}};
}

json to_json(const queue_view& queue) {
  json out = {{"queue", queue.queue},         {"available", queue.available}, {"scheduled", queue.scheduled},
              {"executing", queue.executing}, {"retryable", queue.retryable}, {"is_paused", queue.is_paused},
              {"nodes", queue.nodes},         {"limit", queue.limit}};
  if (queue.everywhere) out["everywhere"] = *queue.everywhere;
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
                    .is_alive = each.expires_at > now,
                    .queues = {}});
    for (const node_queue& on : each.queues) seen.back().queues.push_back({on.queue, on.limit, on.everywhere});
  }
  return seen;
}

result<std::map<run_status, std::size_t>> mesh::count_live_runs() const {
  return impl_->workers.store().count_live_runs();
}

result<std::vector<queue_view>> mesh::list_queues() const {
  const auto found = impl_->workers.store().list_queues();
  if (!found) return std::unexpected(found.error());
  const auto nodes = list_nodes();
  if (!nodes) return std::unexpected(nodes.error());
  std::map<std::string, queue_view> by_name;
  for (const queue_record& each : *found) {
    by_name.emplace(each.queue, queue_view{.queue = each.queue,
                                           .available = each.available,
                                           .scheduled = each.scheduled,
                                           .executing = each.executing,
                                           .retryable = each.retryable,
                                           .waiting_since = each.waiting_since,
                                           .is_paused = each.is_paused,
                                           .everywhere = {}});
  }
  for (const node_view& node : *nodes) {
    for (const queue_limit& on : node.queues) {
      if (!node.is_alive) continue;
      queue_view& of = by_name[on.queue];
      of.queue = on.queue;
      ++of.nodes;
      of.limit += on.limit;
      if (on.everywhere) of.everywhere = std::min(of.everywhere.value_or(*on.everywhere), *on.everywhere);
    }
  }
  std::vector<queue_view> seen;
  seen.reserve(by_name.size());
  for (auto& [name, queue] : by_name) seen.push_back(std::move(queue));
  return seen;
}

}  // namespace squid_mesh::inline v1
