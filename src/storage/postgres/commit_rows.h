// A wave of commits as sets of rows, each of which goes to the server as one array for each of its columns.
#pragma once

#include "model/commit.h"
#include "storage/postgres/wire.h"

#include <squid_mesh/time.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::postgres {

/// What a wave may have in it. A statement has clauses for what its wave has, and no others: each costs time even
/// where it has nothing to do.
enum part : unsigned {
  facts = 1,
  further_facts = 2,
  changes = 4,
  inserts = 8,
  starts = 16,
  statuses = 32,        ///< changes of runs' rows that nothing else carries
  keyed_starts = 64,    ///< starts with start keys
  fenced_starts = 128,  ///< starts in commits that have another fence
  attachments = 256,    ///< inserted jobs that are to drive branches of runs which are there
  run_releases = 512,   ///< runs' only branches that have no job any more
  branch_releases = 1024,
  wakes = 2048,
  retirements = 4096,
  ticks = 8192,
  late_facts = 16384,  ///< facts that may come after the end of their runs, which may be gone
  snapshots = 32768,
  pins = 65536,    ///< runs that are moved to other definitions
  idles = 131072,  ///< jobs that nobody may execute
  /// Nothing: the wave's commits are expected to pass their fences. Where one doesn't, the statement fails.
  trusting = 262144,
};

unsigned parts_of(const commit& what);

/// Whether all that the commit changes beside its fence's rows is its own run's, so that nothing of it has to look
/// whether the fence was passed where that is taken for granted.
bool may_be_trusted(const commit& what);

/// On what a commit's other writes depend.
constexpr std::string_view by_facts = "facts";
constexpr std::string_view by_job = "job";
constexpr std::string_view by_start = "start";
constexpr std::string_view by_nothing = "nothing";
std::string_view fence_of(const commit& what);

/// Whether the job's row is of interest: one that the worker keeps needs no look, if facts are the fence.
inline bool touches_job(const commit& what, const job_step& step) {
  return ends_delivery(step.change.is) || what.facts.empty();
}

struct column {
  const char* name;
  element type;
};

/// A set of rows that goes to the server as one array for each column.
class row_set {
 public:
  row_set(const char* name, const std::vector<column>& columns) : name_(name) { extend(columns); }
  void extend(const std::vector<column>& columns);

  template <class... Values>
  void add(const Values&... values) {
    filled_ = 0;
    ++size_;
    add_more(values...);
  }
  /// Goes on with the row that was added last.
  template <class... Values>
  void add_more(const Values&... values) {
    (arrays_.at(filled_++).push(values), ...);
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  /// `name AS (SELECT * FROM unnest($3::int4[], ...) AS name (n, ...))`, numbering parameters from `next`.
  [[nodiscard]] std::string clause(int& next) const;
  void add_to(parameters& values) {
    for (array& each : arrays_) values.add_bytes(each.take());
  }

 private:
  const char* name_;
  std::vector<column> columns_;
  std::vector<array> arrays_;
  std::size_t filled_ = 0;
  std::size_t size_ = 0;
};

/// A wave's rows.
class wave_rows {
 public:
  /// For a wave with these parts.
  explicit wave_rows(unsigned parts);

  /// Adds what one commit, the wave's `n`th, has of these parts.
  void add(std::int32_t n, const commit& what, time_point now);

  /// The sets that the wave has, in the order of their parameters.
  std::vector<row_set*> sets();

 private:
  struct run_change;

  void add_change(std::int32_t n, const commit& what, const job_step& step, time_point now);
  void add_insert(std::int32_t n, const commit& what, const job_insert& job, run_change& change, time_point now);
  void add_wake(std::int32_t n, const commit& what, const job_insert& job, run_change& change, time_point now);

  const unsigned parts_;
  row_set commits_;
  row_set facts_;
  row_set changes_;
  row_set inserts_;
  row_set statuses_;
  row_set releases_;
  row_set wakes_;
  row_set retirements_;
  row_set ticks_;
  row_set snapshots_;
  row_set pins_;
  row_set idles_;
  std::int32_t inserted_ = 0;
  std::int32_t woken_ = 0;
};

}  // namespace squid_mesh::storage::postgres
