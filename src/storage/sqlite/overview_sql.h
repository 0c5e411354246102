// The statements about everything: definitions, nodes and queues.
#pragma once

#include "model/records.h"
#include "storage/sqlite/connection.h"

#include <cstddef>
#include <map>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::sqlite {

/// Reading, on any connection. Asked now and then by people: nothing is prepared before.
class overview_reader {
 public:
  explicit overview_reader(connection& database) : database_(database) {}

  std::vector<definition_record> definitions(std::string_view name);
  std::vector<node_record> nodes();
  std::vector<queue_record> queues();
  std::map<run_status, std::size_t> live_runs();

 private:
  connection& database_;
};

}  // namespace squid_mesh::storage::sqlite
