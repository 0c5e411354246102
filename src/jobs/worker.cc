#include "jobs/worker.h"

namespace squid_mesh::inline v1::jobs {

std::vector<commit> give_back(std::span<const orphan> orphans) {
  std::vector<commit> commits;
  for (const orphan& lost : orphans) {
    commits.emplace_back();
    commits.back().jobs.push_back(
        {.whose = lost.whose, .change = {.is = job_change::kind::give_back}, .releases = std::nullopt});
  }
  return commits;
}

}  // namespace squid_mesh::inline v1::jobs
