// The statements about everything: definitions, nodes and queues. Asked now and then by people.
#pragma once

#include "model/records.h"
#include "storage/postgres/connection.h"
#include "storage/postgres/target.h"

#include <cstddef>
#include <map>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::postgres {

std::vector<definition_record> list_definitions(connection& database, const schema& tables, std::string_view name);
std::vector<node_record> list_nodes(connection& database, const schema& tables);
std::vector<queue_record> list_queues(connection& database, const schema& tables);
std::map<run_status, std::size_t> count_live_runs(connection& database, const schema& tables);

}  // namespace squid_mesh::storage::postgres
