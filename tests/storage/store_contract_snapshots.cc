// The part of the contract that is about long journals, and about runs that are moved to other definitions.
#include "storage/backends.h"
#include "storage/store_contract.h"

#include <atomic>

namespace squid_mesh::testing {
namespace {

class long_journals : public store_contract {
 protected:
  journal recent(std::uint8_t n = 1) { return must(two->read_recent(id_of(n))); }
  /// Facts after the journal's first `from`, up to `to`, the last of them with a snapshot.
  commit kept(std::int64_t from, std::int64_t to, std::uint8_t run = 1) {
    commit what{.run = id_of(run)};
    for (std::int64_t seq = from + 1; seq <= to; ++seq) what.facts.push_back(completed(seq));
    what.keeps = snapshot{.seq = to, .text = "state " + std::to_string(to)};
    return what;
  }
};

TEST_P(long_journals, are_read_from_their_last_snapshot_on) {
  write(start_of(1));
  EXPECT_FALSE(recent().before);
  write(kept(0, 3));
  write(facts_of(1, {completed(4), completed(5)}));
  const journal read = recent();
  ASSERT_TRUE(read.before);
  EXPECT_EQ(read.before->seq, 3);
  EXPECT_EQ(read.before->text, "state 3");
  ASSERT_EQ(read.facts.size(), 2U);
  EXPECT_EQ(read.facts[0].seq, 4);
  EXPECT_EQ(read.run.workflow, "w");
  const journal whole = must(two->read_run(id_of(1)));
  EXPECT_EQ(whole.facts.size(), 5U);
  EXPECT_FALSE(whole.before);
  EXPECT_EQ(two->read_recent(id_of(9)).error().code, errc::not_found);
}

TEST_P(long_journals, come_along_with_their_jobs_from_their_last_snapshot_on) {
  write({start_of(1), start_of(2)});
  write(kept(0, 3));
  write({facts_of(1, {completed(4)}), facts_of(2, {completed(1)})});
  const auto check = [](const std::vector<storage::claimed_job>& jobs) {
    ASSERT_EQ(jobs.size(), 2U);
    ASSERT_TRUE(jobs[0].run && jobs[0].run->before);
    EXPECT_EQ(jobs[0].run->before->seq, 3);
    ASSERT_EQ(jobs[0].run->facts.size(), 1U);
    EXPECT_EQ(jobs[0].run->facts[0].seq, 4);
    ASSERT_TRUE(jobs[1].run);
    EXPECT_FALSE(jobs[1].run->before);
    EXPECT_EQ(jobs[1].run->facts.size(), 1U);
  };
  check(fetch().claimed);
  check(must(two->find_claimed(queues, me)));
  check(must(two->find_orphans(queues, t0, 10)));
}

TEST_P(long_journals, have_one_snapshot) {
  write({start_of(1), start_of(2)});
  write({kept(0, 2), kept(0, 1, 2)});
  write({kept(2, 4), facts_of(2, {completed(2)})});
  EXPECT_EQ(recent(1).before->text, "state 4");
  EXPECT_EQ(recent(2).before->text, "state 1");
  EXPECT_EQ(database->query("SELECT count(*) FROM squid_mesh_snapshots"), "2");
}

TEST_P(long_journals, keep_nothing_of_what_is_refused) {
  write(start_of(1));
  write(kept(0, 2));
  commit late = kept(1, 3);
  EXPECT_FALSE(write(late).applied);
  EXPECT_EQ(recent().before->text, "state 2");
}

TEST_P(long_journals, of_transactional_steps_are_kept_too) {
  write(start_of(1));
  auto work = must(two->begin());
  EXPECT_TRUE(must(work->commit(kept(0, 2), t0)).applied);
  EXPECT_EQ(recent().before->text, "state 2");
}

TEST_P(long_journals, go_with_their_runs) {
  write(start_of(1));
  commit end = kept(0, 2);
  end.status = status_change{.status = run_status::completed, .ended_at = t0 + 5s};
  write(end);
  const std::vector<ended_run> doomed{{.id = id_of(1), .ended_at = t0 + 5s}};
  EXPECT_EQ(must(one->delete_ended(doomed)).size(), 1U);
  EXPECT_EQ(database->query("SELECT count(*) FROM squid_mesh_snapshots"), "0");
}

// -- Moving to another definition

class moves : public store_contract {
 protected:
  /// Run 1 is to go on by another definition, if nobody has begun to execute its job.
  commit move(std::int64_t seq = 1) {
    commit what = facts_of(1, {completed(seq)});
    what.facts[0].kind = fact_kind::run_migrated;
    what.pins = "g";
    for (const job_row& job : must(two->jobs_of_run(id_of(1)))) what.idle.push_back(job.id);
    return what;
  }
  std::string pinned(std::uint8_t n = 1) { return must(two->read_run(id_of(n))).run.definition; }
};

TEST_P(moves, pin_the_run_to_the_definition) {
  write({start_of(1), start_of(2)});
  EXPECT_TRUE(write(move()).applied);
  EXPECT_EQ(pinned(1), "g");
  EXPECT_EQ(pinned(2), "f");
  const auto claimed = fetch().claimed;
  ASSERT_EQ(claimed.size(), 2U);
  EXPECT_EQ(claimed[0].run->run.definition, "g");
  EXPECT_EQ(claimed[0].run->facts.size(), 1U);
}

TEST_P(moves, are_refused_while_somebody_executes_a_job_of_the_run) {
  write({start_of(1), start_of(2)});
  const job_row job = fetch_one();
  const auto outcome = write({facts_of(2, {completed(1)}), move()});
  EXPECT_TRUE(outcome.commits[0].applied) << "a refused one doesn't harm the others";
  EXPECT_FALSE(outcome.commits[1].applied);
  EXPECT_EQ(pinned(), "f");
  EXPECT_TRUE(must(two->read_run(id_of(1))).facts.empty());
  change_job(job, {.is = change::snooze, .at = t0 + 60s});
  EXPECT_TRUE(write(move()).applied);
  EXPECT_EQ(read(job.id).state, state::scheduled) << "the job stays as it is";
  EXPECT_EQ(read(job.id).scheduled_at, t0 + 60s);
}

TEST_P(moves, are_refused_when_a_job_does_not_wait_any_more) {
  write(start_of(1));
  const commit what = move();
  EXPECT_TRUE(change_job(fetch_one(), {.is = change::finish}).applied);
  EXPECT_FALSE(write(what).applied) << "another one has its branch by now";
  database->execute("DELETE FROM oban_jobs");
  EXPECT_FALSE(write(what).applied);
}

TEST_P(moves, of_runs_without_jobs_are_fenced_by_their_facts) {
  write(start_of(1));
  commit wait = step_of(fetch_one(), {.is = change::finish}, facts_of(1, {completed(1)}));
  wait.jobs[0].releases = driven_branch{.run = id_of(1)};
  write(wait);
  EXPECT_FALSE(write(move(1)).applied);
  EXPECT_TRUE(write(move(2)).applied);
  EXPECT_EQ(pinned(), "g");
}

/// Whoever claims a job either keeps its run from being moved, or has read that it was moved.
TEST_P(moves, and_claims_of_the_same_job_see_each_other) {
  for (std::uint8_t n = 1; n <= 60; ++n) {
    write(start_of(n));
    commit what = facts_of(n, {completed(1)});
    what.facts[0].kind = fact_kind::run_migrated;
    what.pins = "g";
    what.idle.push_back(must(one->jobs_of_run(id_of(n))).at(0).id);
    std::atomic<bool> go = false;
    bool moved = false;
    std::thread mover([&] {
      while (!go) std::this_thread::yield();
      storage::batch batch{.now = t0};
      batch.commits.push_back(&what);
      moved = must(one->write(batch)).commits.at(0).applied;
    });
    go = true;
    std::vector<storage::claimed_job> claimed;
    while (claimed.empty()) {
      claimed = must(two->write({.now = t0, .claims = {{"q", 10}}, .attempted_by = me})).claimed;
    }
    mover.join();
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].run->facts.size() == 1, moved);
    EXPECT_EQ(claimed[0].run->run.definition, moved ? "g" : "f");
  }
}

INSTANTIATE_TEST_SUITE_P(backends, long_journals, all_backends(), backend_name);
INSTANTIATE_TEST_SUITE_P(backends, moves, all_backends(), backend_name);

}  // namespace
}  // namespace squid_mesh::testing
