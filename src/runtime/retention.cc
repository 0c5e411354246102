#include "runtime/retention.h"

#include <squid_mesh/detail/text.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <tuple>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

constexpr std::chrono::hours longest_age{24LL * 365 * 1'000};

/// After all policies were applied, and after the database has refused.
constexpr std::chrono::minutes pass_interval{1};
constexpr std::chrono::seconds refusal_pause{5};
/// Between batches, at least; where the database is slow, it gets four times as long as the batch took.
constexpr std::chrono::milliseconds batch_pause{100};
constexpr int rest_factor = 4;

/// Of one pass, so many runs that could not be exported are named in the log.
constexpr std::size_t most_named = 10;
/// Where so many in a row can't be exported, it isn't because of the runs: a pass doesn't try all others.
constexpr std::size_t most_failures = 500;

std::unexpected<error> invalid_policy(std::string message) {
  return std::unexpected(error{.code = errc::invalid_argument, .message = "a retention policy: " + std::move(message)});
}

const std::vector<run_status>& terminal_statuses() {
  static const std::vector<run_status> all{run_status::completed, run_status::failed, run_status::cancelled};
  return all;
}

/// Once each.
std::vector<run_status> statuses_of(const retention_policy& policy) {
  std::vector<run_status> statuses = policy.statuses.empty() ? terminal_statuses() : policy.statuses;
  std::ranges::sort(statuses);
  const auto rest = std::ranges::unique(statuses);
  statuses.erase(rest.begin(), rest.end());
  return statuses;
}

bool ends_before(const ended_run& a, const ended_run& b) {
  return std::tie(a.ended_at, a.id) < std::tie(b.ended_at, b.id);
}

/// Later than any end.
constexpr time_point no_end{std::chrono::sys_days(std::chrono::year(9999) / 12 / 31)};

}  // namespace

result<void> check_policy(const retention_policy& policy) {
  if (!policy.max_age && !policy.keep) return invalid_policy("max_age or keep has to say what may go");
  if (policy.max_age && (policy.max_age->count() < 0 || *policy.max_age > longest_age)) {
    return invalid_policy("max_age has to be 0 to 1,000 years");
  }
  if (!std::ranges::all_of(policy.statuses, is_terminal)) {
    return invalid_policy("statuses can only be those in which a run has ended");
  }
  if (!detail::is_utf8(policy.workflow) || detail::has_control_character(policy.workflow)) {
    return invalid_policy("the workflow's name has to be UTF-8 without control characters");
  }
  return {};
}

prune_pass::prune_pass(storage::store& store, retention_policy policy, prune_guard guard, time_point now)
    : store_(store), policy_(std::move(policy)), guard_(std::move(guard)), now_(now) {}

result<prune_report> prune_pass::next(std::size_t limit) {
  if (auto good = find_workflows(); !good) return std::unexpected(std::move(good).error());
  while (!is_over_) {
    if (!range_) {
      if (auto good = enter_next_workflow(); !good) return std::unexpected(std::move(good).error());
      continue;
    }
    const auto found = store_.find_ended(*range_, limit);
    if (!found) return std::unexpected(found.error());
    auto report = found->empty() ? result<prune_report>() : remove(*found);
    if (!report) return report;
    // What goes on from here skips whatever has stayed.
    if (!found->empty()) range_->after = found->back();
    if (found->size() < limit) range_.reset();
    if (!found->empty()) return report;
  }
  return prune_report();
}

result<void> prune_pass::find_workflows() {
  if (workflows_) return {};
  if (!policy_.workflow.empty()) {
    workflows_ = {policy_.workflow};
    return {};
  }
  auto all = store_.workflows_with_ends();
  if (!all) return std::unexpected(std::move(all).error());
  workflows_ = *std::move(all);
  std::ranges::reverse(*workflows_);
  return {};
}

/// Where the next one has nothing to go, it is left out.
result<void> prune_pass::enter_next_workflow() {
  if (workflows_->empty()) {
    is_over_ = true;
    return {};
  }
  storage::end_range range{.workflow = workflows_->back(), .statuses = statuses_of(policy_)};
  range.up_to = {.id = {}, .ended_at = no_end};
  auto last = bound(range);
  if (!last) return std::unexpected(std::move(last).error());
  workflows_->pop_back();
  if (!*last) return {};
  range.up_to = **last;
  range_ = std::move(range);
  return {};
}

/// The last run that may go.
result<std::optional<ended_run>> prune_pass::bound(const storage::end_range& among) const {
  // No run has this id: those that have ended at the very instant are not older.
  ended_run last = among.up_to;
  if (policy_.max_age) last = {.id = {}, .ended_at = now_ - *policy_.max_age};
  if (!policy_.keep) return last;
  const auto counted = store_.find_end(among, *policy_.keep);
  if (!counted || !*counted) return counted;
  return ends_before(**counted, last) ? **counted : last;
}

result<prune_report> prune_pass::remove(const std::vector<ended_run>& found) {
  prune_report report;
  std::vector<ended_run> to_go;
  for (const ended_run& each : found) {
    auto may_go = guard_ ? guard_(each) : result<bool>(true);
    if (may_go) {
      failures_ = 0;
      if (*may_go) to_go.push_back(each);
      continue;
    }
    report.failed.push_back({.run = each.id, .reason = std::move(may_go).error()});
    is_over_ = ++failures_ >= most_failures;
    if (is_over_) break;
  }
  if (to_go.empty()) return report;
  const auto gone = store_.delete_ended(to_go);
  if (!gone) return std::unexpected(gone.error());
  report.pruned = gone->size();
  return report;
}

retention::retention(surroundings around, std::vector<retention_policy> policies)
    : around_(std::move(around)), policies_(std::move(policies)) {}

microseconds retention::run_once() {
  try {
    if (!pass_) return next_policy();
    const auto from = std::chrono::steady_clock::now();
    const auto report = pass_->next(prune_batch_size);
    if (!report) {
      around_.log(level::warning, "retention: " + to_string(report.error()));
      pass_.reset();
      return refusal_pause;
    }
    note(*report);
    if (pass_->is_over()) {
      ++next_;
      pass_.reset();
    }
    const auto took = std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - from);
    return std::max<microseconds>(batch_pause, rest_factor * took);
  } catch (const std::exception& e) {
    around_.log(level::error, std::string("retention: ") + e.what());
    pass_.reset();
    return refusal_pause;
  }
}

/// Begins with the next policy, or, after the last one, waits before it begins with the first again.
microseconds retention::next_policy() {
  if (next_ < policies_.size()) {
    pass_.emplace(*around_.store, policies_[next_], around_.guard, around_.now());
    return microseconds(0);
  }
  log_pass();
  next_ = 0;
  return pass_interval;
}

void retention::note(const prune_report& report) {
  pruned_ += report.pruned;
  for (const prune_failure& each : report.failed) {
    if (++failed_ > most_named) continue;
    around_.log(level::error, "run " + to_string(each.run) + " was not exported, and stays: " + to_string(each.reason));
  }
}

void retention::log_pass() {
  if (pruned_ > 0) around_.log(level::info, std::to_string(pruned_) + " finished runs were deleted");
  if (failed_ > most_named) {
    around_.log(level::error, std::to_string(failed_) + " runs were not exported, and stay");
  }
  pruned_ = failed_ = 0;
}

}  // namespace squid_mesh::inline v1
