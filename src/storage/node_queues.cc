#include "storage/node_queues.h"

#include <squid_mesh/json.hpp>

namespace squid_mesh::storage {

std::string text_of(std::span<const node_queue> queues) {
  json list = json::array();
  for (const node_queue& each : queues) {
    json& entry = list.emplace_back(json{{"queue", each.queue}, {"limit", each.limit}});
    if (each.everywhere) entry["everywhere"] = *each.everywhere;
  }
  return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<node_queue> read_node_queues(std::string_view text) {
  const json list = json::parse(text, nullptr, false);
  std::vector<node_queue> queues;
  if (!list.is_array()) return queues;
  for (const json& entry : list) {
    if (!entry.is_object() || !entry.contains("queue") || !entry["queue"].is_string()) continue;
    node_queue& each = queues.emplace_back();
    each.queue = entry["queue"].get<std::string>();
    const auto number = [&entry](const char* key) -> std::optional<std::size_t> {
      const auto found = entry.find(key);
      if (found == entry.end() || !found->is_number_unsigned()) return std::nullopt;
      return found->get<std::size_t>();
    };
    each.limit = number("limit").value_or(1);
    each.everywhere = number("everywhere");
  }
  return queues;
}

}  // namespace squid_mesh::storage
