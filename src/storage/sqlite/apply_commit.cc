#include "storage/sqlite/apply_commit.h"

#include "storage/branch_name.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace squid_mesh::storage::sqlite {
namespace {

/// One commit on its way into the tables.
class application {
 public:
  application(writers& to, const commit& what, time_point now)
      : to_(to), what_(what), now_(now), projected_{.status = what.status} {}

  commit_outcome run() {
    if (!pass_fence()) return std::move(outcome_);
    for (std::size_t i = 1; i < what_.facts.size(); ++i) to_.runs.append(what_.run, what_.facts[i]);
    for (const job_step& step : what_.jobs) release(step);
    for (const job_insert& job : what_.inserts) insert(job);
    for (const job_insert& job : what_.wakes) wake(job);
    if (starts_) to_.runs.insert_run(*what_.start, first_job_);
    to_.runs.project(what_.run, projected_);
    if (what_.retires_jobs) retire();
    if (what_.schedule) to_.schedules.tick(*what_.schedule);
    if (!what_.pins.empty()) to_.runs.pin(what_.run, what_.pins);
    if (what_.keeps) to_.runs.keep(what_.run, *what_.keeps);
    outcome_.applied = true;
    return std::move(outcome_);
  }

 private:
  /// Where the fence is taken, nothing of the commit has been written yet.
  bool pass_fence() {
    if (what_.may_follow_end() && !to_.runs.exists(what_.run)) return false;
    if (!std::ranges::all_of(what_.idle, [this](job_id job) { return to_.jobs.waits(job); })) return false;
    if (!what_.facts.empty() && !to_.runs.append(what_.run, what_.facts.front())) return false;
    for (const job_step& step : what_.jobs) {
      // A job that the worker keeps needs no look at its row: the journal is the fence.
      if (!ends_delivery(step.change.is) && !what_.facts.empty()) continue;
      if (!to_.jobs.change(step.whose, step.change, now_)) outcome_.lost.push_back(step.whose.job);
    }
    if (what_.facts.empty() && !outcome_.lost.empty()) return false;
    starts_ = what_.start && !to_.runs.is_taken(*what_.start);
    return starts_ || !what_.start || !what_.facts.empty() || !what_.jobs.empty();
  }

  void release(const job_step& step) {
    if (!step.releases) return;
    if (const auto name = branch_name(*step.releases)) {
      to_.branches.release(step.releases->run, *name, step.whose.job);
    } else {
      projected_.released = step.whose.job;
    }
  }

  void insert(const job_insert& job) {
    const bool is_starts = what_.start && job.drives && job.drives->run == what_.start->id;
    if (is_starts && !starts_) {
      outcome_.inserted.push_back({});
      return;
    }
    const job_id id = to_.jobs.insert(job, now_);
    outcome_.inserted.push_back(id);
    if (job.drives) attach(*job.drives, id);
  }

  void attach(const driven_branch& branch, job_id job) {
    if (const auto name = branch_name(branch)) {
      to_.branches.attach(branch.run, *name, job);
    } else if (starts_ && branch.run == what_.start->id) {
      first_job_ = job;
    } else if (branch.run != what_.run) {
      to_.runs.set_job(branch.run, job);
    } else {
      projected_.job = job;
    }
  }

  void wake(const job_insert& job) {
    if (!job.drives) return;
    const auto present = to_.branches.job_of(*job.drives);
    if (present && to_.jobs.wake(*present, now_)) return;
    attach(*job.drives, to_.jobs.insert(job, now_));
  }

  /// What the commit has just said of its own jobs holds.
  void retire() {
    for (const job_id job : to_.branches.jobs_of(what_.run)) {
      if (!has_changed(job)) to_.jobs.retire(job, now_);
    }
    to_.branches.release_all(what_.run);
  }

  [[nodiscard]] bool has_changed(job_id job) const {
    return std::ranges::any_of(what_.jobs, [job](const job_step& step) { return step.whose.job == job; }) &&
           std::ranges::find(outcome_.lost, job) == outcome_.lost.end();
  }

  writers& to_;
  const commit& what_;
  const time_point now_;
  commit_outcome outcome_;
  bool starts_ = false;              ///< a run begins with this
  std::optional<job_id> first_job_;  ///< of that run's only branch
  projection projected_;
};

}  // namespace

commit_outcome apply(writers& to, const commit& what, time_point now) { return application(to, what, now).run(); }

}  // namespace squid_mesh::storage::sqlite
