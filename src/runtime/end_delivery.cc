#include "runtime/end_delivery.h"

#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {

void end_delivery(jobs::node& node, const std::shared_ptr<jobs::slot>& place, job_change change,
                  const std::optional<driven_branch>& releases) {
  std::vector<commit> commits(1);
  commits.front().jobs.push_back({.whose = place->delivery(), .change = std::move(change), .releases = releases});
  node.submit(std::move(commits), jobs::patience::persist, [place](auto) {});
}

}  // namespace squid_mesh::inline v1
