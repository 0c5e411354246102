#include "storage/store.h"

#include <utility>

namespace squid_mesh::storage {

result<whole_run> store::read_whole(const run_id& id, std::size_t max_children) {
  auto history = read_run(id);
  if (!history) return std::unexpected(std::move(history).error());
  auto jobs = jobs_of_run(id);
  if (!jobs) return std::unexpected(std::move(jobs).error());
  auto children = list_runs({.parent = id, .limit = max_children}, std::nullopt);
  if (!children) return std::unexpected(std::move(children).error());
  return whole_run{.history = *std::move(history), .jobs = *std::move(jobs), .children = *std::move(children)};
}

}  // namespace squid_mesh::storage
