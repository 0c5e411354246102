#include "model/run_job.h"

#include <squid_mesh/json.hpp>

namespace squid_mesh {

job_insert run_job(const run_id& run, const std::string& queue) {
  return {.queue = queue, .worker = run_worker_name, .args = R"({"run_id":")" + to_string(run) + R"("})"};
}

std::optional<run_id> run_of(const job_row& job) {
  if (job.worker != run_worker_name) return std::nullopt;
  const json args = json::parse(job.args, nullptr, false);
  if (!args.is_object()) return std::nullopt;
  const auto id = args.find("run_id");
  if (id == args.end() || !id->is_string()) return std::nullopt;
  return run_id::parse(id->get_ref<const std::string&>());
}

}  // namespace squid_mesh
