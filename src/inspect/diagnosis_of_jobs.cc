// Plain jobs that failed.
#include "inspect/diagnosis_rules.h"
#include "inspect/sentence.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

std::string last_error(const troubled_job& job) {
  const json errors = json::parse(job.errors, nullptr, false);
  if (!errors.is_array() || errors.empty() || !errors.back().is_object()) return "";
  const auto text = errors.back().find("error");
  return text != errors.back().end() && text->is_string() ? text->get<std::string>() : "";
}

}  // namespace

void judge_jobs(const health_reading& reading, const crew& processes, findings& found) {
  std::map<std::tuple<jobs::state, std::string, std::string>, std::vector<const troubled_job*>> alike;
  for (const troubled_job& job : reading.seen.troubled) alike[{job.state, job.queue, job.worker}].push_back(&job);
  for (const auto& [which, jobs] : alike) {
    const auto& [state, queue, worker] = which;
    const bool is_given_up = state == jobs::state::discarded;
    const bool is_ours = processes.knows(queue);
    const troubled_job& last = is_given_up ? **std::ranges::max_element(jobs, {}, &troubled_job::at)
                                           : **std::ranges::min_element(jobs, {}, &troubled_job::at);
    const std::string id = to_string(last.id);
    const std::string reason = last_error(last);
    finding about{
        .severity = is_given_up && is_ours ? severity::warning : severity::notice,
        .check = is_given_up ? "job_discarded" : "job_retrying",
        .subject = worker,
        .summary = count_text(jobs.size(), "job") + " of worker " + in_quotes(worker) + " on queue " + in_quotes(queue),
        .advice = is_given_up ? "Nobody tries again by itself. When the cause is gone, make them available again."
                              : "They are tried again by themselves. If the cause is gone, that can be done at once.",
        .commands = {"squid-mesh jobs show " + id, "squid-mesh jobs retry " + id},
        .evidence = {{"queue", queue}, {"worker", worker}, {"count", jobs.size()}, {"job", last.id.value}}};
    if (is_given_up) {
      about.summary += std::string(jobs.size() == 1 ? " was" : " were") + " given up, the last one " +
                       duration_text(std::max(reading.now - last.at, microseconds(0))) + " ago";
    } else {
      about.summary += std::string(jobs.size() == 1 ? " has" : " have") + " failed and " +
                       (jobs.size() == 1 ? "is" : "are") + " tried again, the next one at " + instant_text(last.at) +
                       " (attempt " + std::to_string(last.attempt + 1) + " of " + std::to_string(last.max_attempts) +
                       ")";
    }
    about.summary += reason.empty() ? "." : ": " + message_text({{"message", reason}}) + ".";
    found.push_back(std::move(about));
  }
}

}  // namespace squid_mesh::inline v1
