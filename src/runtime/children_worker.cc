#include "runtime/children_worker.h"

#include "model/run_job.h"
#include "model/run_origin.h"
#include "runtime/end_delivery.h"

#include <atomic>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

constexpr std::size_t page_size = 100;
/// How long the job waits when not all of them could be cancelled.
constexpr std::chrono::seconds failure_pause{5};

}  // namespace

/// A page of children, and how many of them have yet to be cancelled.
struct children_worker::round {
  std::shared_ptr<jobs::slot> place;
  run_id parent;
  std::optional<run_id> older_than;
  std::atomic<std::size_t> left = 0;
  std::atomic<bool> failed = false;
};

void children_worker::execute(storage::claimed_job work, std::shared_ptr<jobs::slot> place) {
  const auto parent = parent_in(work.job);
  if (!parent) {
    return end_delivery(node_, place, {.is = job_change::kind::discard, .reason = "the job names no run"});
  }
  auto first = std::make_shared<round>();
  first->place = std::move(place);
  first->parent = *parent;
  go_through(first);
}

void children_worker::go_through(const std::shared_ptr<round>& page) {
  const time_point later = node_.around().clock->now() + failure_pause;
  auto found =
      node_.store().list_runs({.statuses = uncancelled, .parent = page->parent, .limit = page_size}, page->older_than);
  if (!found) return end_delivery(node_, page->place, {.is = job_change::kind::snooze, .at = later});
  const bool is_last = found->size() < page_size;
  if (!found->empty()) page->older_than = found->back().id;
  // One more than there are commands, so that the last one to end is not before the last one is given.
  page->left = 1;
  const auto one_less = [this, page, is_last, later] {
    if (--page->left > 0) return;
    if (page->failed) return end_delivery(node_, page->place, {.is = job_change::kind::snooze, .at = later});
    if (is_last) return end_delivery(node_, page->place, {.is = job_change::kind::finish});
    std::vector<task> next;
    next.emplace_back([this, page] { go_through(page); });
    node_.around().tasks->post(std::move(next));
  };
  for (const run_record& child : *found) {
    const auto link = parent_of(child);
    if (!link || !link->is_cancelled_along) continue;
    ++page->left;
    const event::cancelled cancel{.by = {.actor = "parent",
                                         .reason = "run " + to_string(page->parent) + " was ended",
                                         .metadata = nullptr,
                                         .key = {}},
                                  .idle = {},
                                  .has_children = false};
    commands_.give(child.id, cancel, [page, one_less](const result<command_result>& given) {
      // One that has ended meanwhile, or is being cancelled, is as it should be.
      if (!given && given.error().code != errc::conflict) page->failed = true;
      one_less();
    });
  }
  one_less();
}

std::vector<commit> children_worker::orphaned(std::span<const jobs::orphan> orphans, time_point /*now*/) {
  return jobs::give_back(orphans);
}

}  // namespace squid_mesh::inline v1
