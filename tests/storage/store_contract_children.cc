// The part of the contract that is about runs which other runs have started.
#include "model/run_origin.h"
#include "storage/backends.h"
#include "storage/store_contract.h"

namespace squid_mesh::testing {
namespace {

/// A run that another one has started.
commit child_start(std::uint8_t n, std::uint8_t parent) {
  commit start = start_of(n);
  start.start->parent = id_of(parent);
  return start;
}

/// The end of a run for which run 1 waits.
commit child_end(std::uint8_t n, std::optional<std::string> branch = std::nullopt) {
  commit end = facts_of(n, {completed(1)});
  end.status = status_change{.status = run_status::completed, .ended_at = t0 + 5s};
  driven_branch waiting{.run = id_of(1)};
  if (branch) waiting = {.run = id_of(1), .is = driven_branch::role::one_of_many, .step = *branch};
  end.wakes = {run_job(waiting, "parents")};
  return end;
}

class offspring : public store_contract {
 protected:
  run_record run(std::uint8_t n) { return two->read_run(id_of(n)).value().run; }
  std::vector<job_row> jobs_of_parent() { return must(two->jobs_of_run(id_of(1))); }
  /// Run 1 has said what it waits for, and has no job.
  void let_go_of_parent() {
    commit wait = step_of(fetch_one(), {.is = job_change::kind::finish});
    wait.run = id_of(1);
    wait.jobs[0].releases = driven_branch{.run = id_of(1)};
    write(wait);
  }
};

TEST_P(offspring, are_found_by_their_parent) {
  write({start_of(1), child_start(2, 1), child_start(3, 1), child_start(4, 2)});
  EXPECT_EQ(run(2).parent, id_of(1));
  EXPECT_FALSE(run(1).parent);
  const auto children = two->list_runs({.parent = id_of(1)}, std::nullopt).value();
  ASSERT_EQ(children.size(), 2U);
  EXPECT_EQ(children[0].id, id_of(3));
  EXPECT_EQ(children[1].parent, id_of(1));
  EXPECT_EQ(two->list_runs({.parent = id_of(1)}, id_of(3)).value().size(), 1U);
  EXPECT_EQ(fetch().claimed.at(1).run->run.parent, id_of(1));
}

TEST_P(offspring, are_read_with_their_parent) {
  write({start_of(1), child_start(2, 1), child_start(3, 1), child_start(4, 2)});
  write(facts_of(1, {completed(1)}));
  const auto all = two->read_whole(id_of(1), 10).value();
  EXPECT_EQ(all.history.run.id, id_of(1));
  EXPECT_EQ(all.history.facts.size(), 1U);
  ASSERT_EQ(all.jobs.size(), 1U);
  EXPECT_EQ(all.jobs[0].id, all.history.run.job);
  ASSERT_EQ(all.children.size(), 2U);
  EXPECT_EQ(all.children[0].id, id_of(3)) << "the newest first";
  EXPECT_EQ(all.children[1].id, id_of(2));
  EXPECT_EQ(two->read_whole(id_of(1), 1).value().children.size(), 1U);
  EXPECT_TRUE(two->read_whole(id_of(4), 10).value().children.empty());
  EXPECT_EQ(two->read_whole(id_of(9), 10).error().code, errc::not_found);
}

TEST_P(offspring, begin_with_their_parents_fact_or_not_at_all) {
  write(start_of(1));
  for (const std::uint8_t child : {std::uint8_t{2}, std::uint8_t{3}}) {
    commit wait = child_start(child, 1);
    wait.run = id_of(1);
    wait.facts = {completed(1)};
    const commit_outcome made = write(wait);
    EXPECT_EQ(made.applied, child == 2) << "the second one finds the place taken";
    EXPECT_EQ(two->read_run(id_of(child)).has_value(), child == 2);
  }
  EXPECT_EQ(run(2).status, run_status::pending);
  EXPECT_EQ(jobs_of_parent().size(), 1U);
  EXPECT_EQ(must(two->jobs_of_run(id_of(2))).size(), 1U);
}

TEST_P(offspring, wake_their_parent_with_their_end) {
  write({start_of(1)});
  let_go_of_parent();
  write(child_start(2, 1));
  const commit_outcome ended = write(child_end(2));
  ASSERT_TRUE(ended.applied);
  EXPECT_EQ(run(2).status, run_status::completed);
  EXPECT_EQ(run(1).status, run_status::pending) << "the end is the child's";
  EXPECT_FALSE(run(1).ended_at);
  const auto jobs = jobs_of_parent();
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(run(1).job, jobs[0].id);
  EXPECT_EQ(jobs[0].state, jobs::state::available);
  EXPECT_EQ(jobs[0].queue, "parents");
}

TEST_P(offspring, that_end_together_wake_their_parent_once) {
  for (const bool is_forked : {false, true}) {
    database = GetParam().make();
    one = database->open();
    two = database->open();
    commit start = start_of(1);
    if (is_forked)
      start.inserts = {run_job({.run = id_of(1), .is = driven_branch::role::one_of_many, .step = "a"}, "q")};
    const job_id before = write(start).inserted.at(0);
    database->execute("UPDATE oban_jobs SET state = 'completed' WHERE id = " + to_string(before));
    write({child_start(2, 1), child_start(3, 1)});
    const auto branch = is_forked ? std::optional<std::string>("a") : std::nullopt;
    const auto outcomes = write({child_end(2, branch), child_end(3, branch)}).commits;
    EXPECT_TRUE(outcomes[0].applied);
    EXPECT_TRUE(outcomes[1].applied);
    EXPECT_EQ(one->list_jobs({.queue = "parents"}).value().size(), 1U);
    ASSERT_EQ(jobs_of_parent().size(), 1U);
    EXPECT_EQ(jobs_of_parent()[0].queue, "parents");
  }
}

TEST_P(offspring, that_are_refused_wake_nobody) {
  write({start_of(1), child_start(2, 1)});
  let_go_of_parent();
  write(facts_of(2, {completed(1)}));
  EXPECT_FALSE(write(child_end(2)).applied);
  EXPECT_TRUE(jobs_of_parent().empty());
}

INSTANTIATE_TEST_SUITE_P(backends, offspring, all_backends(), backend_name);

}  // namespace
}  // namespace squid_mesh::testing
