// Deleting finished runs, a batch at a time.
#pragma once

#include "model/records.h"
#include "storage/store.h"

#include <squid_mesh/error.hpp>
#include <squid_mesh/log.hpp>
#include <squid_mesh/retention.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

/// How many runs go in one transaction: few enough that nobody waits long for what it locks.
inline constexpr std::size_t prune_batch_size = 200;

/// `invalid_argument` for a policy that makes no sense.
result<void> check_policy(const retention_policy& policy);

/// Called for a run that is to be deleted. False: it isn't any more. An error: it has to stay.
using prune_guard = std::function<result<bool>(const ended_run&)>;

/// One pass over the runs that one policy lets go: workflow by workflow, from the oldest end on. Whatever stays is not
/// looked at again. Used by one thread at a time.
class prune_pass {
 public:
  /// `guard` may be empty.
  prune_pass(storage::store& store, retention_policy policy, prune_guard guard, time_point now);

  /// Deletes the next ones, of at most `limit`. On an error the pass can go on, or be given up.
  result<prune_report> next(std::size_t limit);
  [[nodiscard]] bool is_over() const { return is_over_; }

 private:
  result<void> find_workflows();
  result<void> enter_next_workflow();
  [[nodiscard]] result<std::optional<ended_run>> bound(const storage::end_range& among) const;
  result<prune_report> remove(const std::vector<ended_run>& found);

  storage::store& store_;
  const retention_policy policy_;
  const prune_guard guard_;
  const time_point now_;
  std::optional<std::vector<std::string>> workflows_;  ///< those that are left, the next one last
  std::optional<storage::end_range> range_;            ///< what is left of the present one
  std::size_t failures_ = 0;                           ///< of the guard, in a row
  bool is_over_ = false;
};

/// Applies policies again and again, as long as somebody calls it.
class retention {
 public:
  struct surroundings {
    storage::store* store = nullptr;
    std::function<time_point()> now;
    log_sink log;
    prune_guard guard;  ///< may be empty
  };
  retention(surroundings around, std::vector<retention_policy> policies);

  /// Does one batch, and says how long to leave the database alone after it. Never throws.
  microseconds run_once();

 private:
  microseconds next_policy();
  void note(const prune_report& report);
  void log_pass();

  const surroundings around_;
  const std::vector<retention_policy> policies_;
  std::size_t next_ = 0;  ///< of the policies
  std::optional<prune_pass> pass_;
  // Since all policies were begun with:
  std::size_t pruned_ = 0;
  std::size_t failed_ = 0;
};

}  // namespace squid_mesh::inline v1
