// The queues on which a node works, as its row holds them.
#pragma once

#include "model/records.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::storage {

std::string text_of(std::span<const node_queue> queues);
/// None for a text that says none, and for what isn't such a text.
std::vector<node_queue> read_node_queues(std::string_view text);

}  // namespace squid_mesh::storage
