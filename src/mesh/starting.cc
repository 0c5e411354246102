// Starting runs.
#include "mesh/impl.h"
#include "runtime/start.h"

#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// The options as they hold for a start at this moment.
struct start_times {
  std::optional<time_point> start_at;
  std::optional<time_point> deadline;
};

result<start_times> times_of(const start_options& starting, time_point now) {
  if (starting.start_at && starting.start_after.count() != 0) {
    return invalid("start_at and start_after both say when to start");
  }
  if (starting.deadline && starting.time_limit.count() != 0) {
    return invalid("deadline and time_limit both say when to end");
  }
  if (starting.start_after.count() < 0) return invalid("start_after can't be negative");
  if (starting.time_limit.count() < 0) return invalid("time_limit can't be negative");
  start_times times{.start_at = starting.start_at, .deadline = starting.deadline};
  if (starting.start_after.count() > 0) times.start_at = now + starting.start_after;
  if (starting.time_limit.count() > 0) times.deadline = times.start_at.value_or(now) + starting.time_limit;
  if (times.deadline && *times.deadline <= times.start_at.value_or(now)) {
    return invalid("the deadline lies before the start");
  }
  return times;
}

}  // namespace

result<std::vector<commit>> mesh::impl::plan_starts(std::string_view workflow, const std::vector<json>& payloads,
                                                    const start_options& starting) {
  auto found = known.newest(workflow);
  if (!found) return std::unexpected(std::move(found).error());
  const time_point now = workers.now();
  const auto times = times_of(starting, now);
  if (!times) return std::unexpected(times.error());
  if (starting.priority < 0 || starting.priority > 9) return invalid("a priority has to be 0 to 9");
  if (auto good = check_key(starting.idempotency_key, "idempotency_key"); !good) return std::unexpected(good.error());
  if (!starting.idempotency_key.empty() && payloads.size() > 1) {
    return invalid("one idempotency key is for one run, not for " + std::to_string(payloads.size()));
  }
  std::vector<commit> commits;
  for (const json& payload : payloads) {
    auto planned = plan_start({.workflow = found->get(),
                               .trigger = starting.trigger,
                               .payload = &payload,
                               .queue = options.queue,
                               .max_payload_bytes = options.max_payload_bytes,
                               .priority = starting.priority,
                               .key = starting.idempotency_key,
                               .start_at = times->start_at,
                               .deadline = times->deadline,
                               .traceparent = starting.traceparent},
                              now, workers.random());
    if (!planned) {
      error refusal = std::move(planned).error();
      if (payloads.size() > 1) refusal.message = "payload " + std::to_string(commits.size()) + ": " + refusal.message;
      return std::unexpected(std::move(refusal));
    }
    commits.push_back(*std::move(planned));
  }
  return commits;
}

result<std::vector<run_ref>> mesh::impl::write_starts(const std::vector<commit>& starts) {
  if (starts.empty()) return std::vector<run_ref>();
  auto outcomes = workers.worker_node().write(starts);
  if (!outcomes) return std::unexpected(std::move(outcomes).error());
  return refs_of(workers.store(), starts, *outcomes);
}

result<run_ref> mesh::start_run(std::string_view workflow, json payload, const start_options& options) {
  std::vector<json> one;
  one.push_back(std::move(payload));
  auto started = start_runs(workflow, one, options);
  if (!started) return std::unexpected(std::move(started).error());
  return started->front();
}

result<run_ref> mesh::start_run(const declaration& workflow, json payload, const start_options& options) {
  return start_run(workflow.name, std::move(payload), options);
}

result<run_ref> mesh::start_run(transaction& within, std::string_view workflow, json payload,
                                const start_options& options) {
  std::vector<json> one;
  one.push_back(std::move(payload));
  auto commits = impl_->plan_starts(workflow, one, options);
  if (!commits) return std::unexpected(std::move(commits).error());
  auto outcomes = impl_->workers.store().write_in(within, *commits, impl_->workers.now());
  if (!outcomes) return std::unexpected(std::move(outcomes).error());
  auto refs = refs_of(impl_->workers.store(), *commits, *outcomes);
  if (!refs) return std::unexpected(std::move(refs).error());
  return refs->front();
}

result<run_ref> mesh::start_run(transaction& within, const declaration& workflow, json payload,
                                const start_options& options) {
  return start_run(within, workflow.name, std::move(payload), options);
}

result<std::vector<run_ref>> mesh::start_runs(std::string_view workflow, const std::vector<json>& payloads,
                                              const start_options& options) {
  auto commits = impl_->plan_starts(workflow, payloads, options);
  if (!commits) return std::unexpected(std::move(commits).error());
  return impl_->write_starts(*commits);
}

}  // namespace squid_mesh::inline v1
