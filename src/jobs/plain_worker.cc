#include "jobs/plain_worker.h"

#include "base/fault.h"
#include "jobs/new_job.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace squid_mesh::inline v1::jobs {
namespace {

/// A token that stops when either does, for the time of one call.
class either_stop {
 public:
  either_stop(std::stop_token a, std::stop_token b)
      : first_(std::move(a), [this] { source_.request_stop(); }),
        second_(std::move(b), [this] { source_.request_stop(); }) {}

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::stop_callback<std::function<void()>> first_;
  std::stop_callback<std::function<void()>> second_;
};

}  // namespace

void plain_worker::execute(storage::claimed_job work, std::shared_ptr<slot> place) {
  fault::point();
  outcome how = handle(work.job, *place);
  fault::point();
  std::vector<commit> commits(1);
  commits.front().jobs.push_back({.whose = place->delivery(), .change = change_for(work.job, std::move(how), *place)});
  owner_.submit(std::move(commits), patience::persist, [place, log = owner_.around().log](auto outcomes) {
    if (outcomes && !outcomes->front().applied) {
      log(level::warning,
          "job " + to_string(place->delivery().job) + " was taken away while it ran; its end is dropped");
    }
  });
}

outcome plain_worker::handle(const job_row& row, const slot& place) const {
  auto readable = to_job(row);
  if (!readable) return discard(to_string(readable.error()));
  const either_stop stop(place.shutdown(), place.withdrawn());
  try {
    return handler_(*readable, stop.token());
  } catch (const std::exception& e) {
    return failed(e.what());
  } catch (...) {
    return failed("the handler threw something that is not a std::exception");
  }
}

job_change plain_worker::change_for(const job_row& row, outcome how, const slot& place) const {
  const time_point now = owner_.around().clock->now();
  switch (how.is) {
    case outcome::kind::done:
      return {.is = job_change::kind::finish};
    case outcome::kind::failed:
      // A job that was stopped because its process shuts down has not failed.
      if (place.shutdown().stop_requested()) return {.is = job_change::kind::give_back};
      return after_failure(row, std::move(how.reason), how.delay, now, owner_.around().random->next_fraction());
    case outcome::kind::snoozed:
      return {.is = job_change::kind::snooze,
              .at = now + std::max(how.delay.value_or(microseconds(0)), microseconds(0))};
    case outcome::kind::cancelled:
      return {.is = job_change::kind::cancel, .reason = std::move(how.reason)};
    case outcome::kind::discarded:
      return {.is = job_change::kind::discard, .reason = std::move(how.reason)};
  }
  return {.is = job_change::kind::finish};
}

std::vector<commit> plain_worker::orphaned(std::span<const orphan> orphans, time_point /*now*/) {
  std::vector<commit> rescues;
  for (const orphan& lost : orphans) {
    rescues.emplace_back();
    rescues.back().jobs.push_back(
        {.whose = lost.whose, .change = {.is = job_change::kind::rescue, .reason = "the process that ran it died"}});
  }
  return rescues;
}

}  // namespace squid_mesh::inline v1::jobs
