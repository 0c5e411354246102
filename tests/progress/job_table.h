// The jobs of one run as a store keeps them.
#pragma once

#include "progress/driven_run.h"

#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::testing {

struct job_in_table {
  enum class state { available, scheduled, executing, ended };

  state is = state::available;
  std::size_t branch = 0;
  std::string queue;
  time_point at{};   ///< of scheduled ones
  int attempt = 0;   ///< how often it was fetched without having been given back
  int delivery = 0;  ///< how often it was fetched

  [[nodiscard]] bool is_live() const { return is != state::ended; }
};

/// What a worker holds.
struct held_job {
  std::size_t job = 0;
  int delivery = 0;
};

class job_table {
 public:
  using state = job_in_table::state;

  explicit job_table(const run_state& begun) {
    for (const std::size_t branch : first_branches(*begun.definition)) insert(begun, branch);
  }

  [[nodiscard]] const job_in_table& operator[](std::size_t job) const { return jobs_[job]; }
  [[nodiscard]] bool is_held(const held_job& by) const {
    return jobs_[by.job].is == state::executing && jobs_[by.job].delivery == by.delivery;
  }
  /// The branch's job, if it has one that will be or is delivered.
  [[nodiscard]] const job_in_table* of(std::size_t branch) const {
    const auto found = attached_.find(branch);
    return found == attached_.end() || !jobs_[found->second].is_live() ? nullptr : &jobs_[found->second];
  }
  [[nodiscard]] bool anybody_executes() const {
    return std::ranges::any_of(jobs_, [](const job_in_table& job) { return job.is == state::executing; });
  }
  [[nodiscard]] bool all_have_ended() const { return std::ranges::none_of(jobs_, &job_in_table::is_live); }
  /// Branches whose jobs nobody executes.
  [[nodiscard]] std::vector<std::size_t> idle() const {
    std::vector<std::size_t> branches;
    for (const auto& [branch, job] : attached_) {
      if (jobs_[job].is != state::executing) branches.push_back(branch);
    }
    return branches;
  }
  [[nodiscard]] std::vector<std::size_t> due(time_point now) const {
    return which([&](const job_in_table& job) {
      return job.is == state::available || (job.is == state::scheduled && job.at <= now);
    });
  }
  [[nodiscard]] std::vector<std::size_t> executing() const {
    return which([](const job_in_table& job) { return job.is == state::executing; });
  }
  [[nodiscard]] std::optional<time_point> next_due() const {
    std::optional<time_point> next;
    for (const job_in_table& job : jobs_) {
      if (job.is == state::scheduled && (!next || job.at < *next)) next = job.at;
    }
    return next;
  }

  held_job fetch(std::size_t job) {
    jobs_[job].is = state::executing;
    ++jobs_[job].attempt;
    return {.job = job, .delivery = ++jobs_[job].delivery};
  }

  /// Another program makes the job available, and tells nobody.
  void rescue_silently(std::size_t job) { jobs_[job].is = state::available; }

  /// Somebody deletes a job, and the branch gets a new one, which looks as if it had been delivered before.
  void replace(const run_state& run, std::size_t job) {
    jobs_[job].is = state::ended;
    const auto attached = attached_.find(jobs_[job].branch);
    if (attached == attached_.end() || attached->second != job || run.ended) return;
    insert(run, jobs_[job].branch);
    jobs_.back().attempt = 1;
  }

  /// Applies a decision as `storage::store` does a commit. False: the job wasn't the worker's any more.
  bool apply(const run_state& after, const decision& made, const std::optional<held_job>& by, time_point now) {
    const bool held = by && is_held(*by);
    if (held) change(jobs_[by->job], made.job, now);
    if (made.releases) {
      const auto attached = attached_.find(*made.releases);
      if (attached != attached_.end() && attached->second == by->job) attached_.erase(attached);
    }
    for (const std::size_t branch : made.opened) insert(after, branch);
    for (const std::size_t branch : made.woken) wake(after, branch, now);
    if (made.retires_jobs) retire(by);
    return held;
  }

 private:
  template <class Condition>
  [[nodiscard]] std::vector<std::size_t> which(const Condition& holds) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (holds(jobs_[i])) found.push_back(i);
    }
    return found;
  }

  void insert(const run_state& run, std::size_t branch) {
    const auto step = run.at(branch);
    const std::string own = step ? run.definition->steps()[*step].queue : "";
    attached_[branch] = jobs_.size();
    jobs_.push_back({.branch = branch, .queue = own.empty() ? run.queue : own});
  }

  void wake(const run_state& run, std::size_t branch, time_point now) {
    const auto attached = attached_.find(branch);
    if (attached == attached_.end() || !jobs_[attached->second].is_live()) return insert(run, branch);
    job_in_table& job = jobs_[attached->second];
    if (job.is == state::scheduled) job.is = state::available;
    job.at = now;
  }

  void retire(const std::optional<held_job>& by) {
    for (const auto& [branch, job] : attached_) {
      if (jobs_[job].is != state::executing && !(by && by->job == job)) jobs_[job].is = state::ended;
    }
    attached_.clear();
  }

  static void change(job_in_table& job, const job_change& what, time_point now) {
    using kind = job_change::kind;
    if (what.is == kind::keep) return;
    RC_ASSERT(what.is == kind::finish || what.is == kind::snooze || what.is == kind::give_back);
    job.attempt = 0;
    job.is = what.is == kind::finish ? state::ended : state::available;
    job.at = now;
    if (what.is != kind::snooze) return;
    job.is = state::scheduled;
    job.at = what.at;
  }

  std::vector<job_in_table> jobs_;
  std::map<std::size_t, std::size_t> attached_;  ///< by branch
};

}  // namespace squid_mesh::testing
