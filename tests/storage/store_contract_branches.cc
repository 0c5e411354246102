// The part of the contract that is about which jobs drive which branches of runs: several at once, waking, retiring,
// mending, and starts that happen once.
#include "storage/backends.h"
#include "storage/store_contract.h"

namespace squid_mesh::testing {
namespace {

using role = driven_branch::role;

driven_branch branch(std::uint8_t run, const std::string& step) {
  return {.run = id_of(run), .is = role::one_of_many, .step = step};
}
driven_branch only(std::uint8_t run) { return {.run = id_of(run)}; }
driven_branch deadline(std::uint8_t run) { return {.run = id_of(run), .is = role::deadline}; }

/// A run that goes on in two branches, and has a deadline.
commit forked_start(std::uint8_t n) {
  commit start = start_of(n);
  start.start->deadline = t0 + 60s;
  start.inserts = {run_job(branch(n, "a"), "q"), run_job(branch(n, "b"), "q"), run_job(deadline(n), "q")};
  start.inserts[2].scheduled_at = t0 + 60s;
  return start;
}

class branches : public store_contract {
 protected:
  /// The steps of the branches that have jobs, each with its job.
  std::string rows() {
    return database->query("SELECT branch || '=' || CAST(job_id AS TEXT) FROM squid_mesh_branches ORDER BY branch");
  }
  std::optional<job_id> job_of_run(std::uint8_t n) { return one->read_run(id_of(n)).value().run.job; }
  void set(job_id job, const std::string& columns) {
    database->execute("UPDATE oban_jobs SET " + columns + " WHERE id = " + to_string(job));
  }
  std::size_t mend() { return two->mend_runs("m", t0 + 1s, 100).value(); }
  std::vector<job_id> jobs_of_run(std::uint8_t n) {
    std::vector<job_id> ids;
    for (const job_row& job : must(two->jobs_of_run(id_of(n)))) ids.push_back(job.id);
    return ids;
  }
};

// -- Starts

TEST_P(branches, what_a_run_began_with_is_read_back) {
  commit start = start_of(1);
  start.start->queue = "mine";
  start.start->priority = 3;
  start.start->start_key = "k";
  start.start->deadline = t0 + 60s;
  start.start->origin = R"({"actor":"me"})";
  write({start, start_of(2)});
  for (const run_record& run : {two->read_run(id_of(1)).value().run, two->list_runs({}, id_of(2)).value().at(0),
                                fetch(1).claimed.at(0).run.value().run}) {
    EXPECT_EQ(run.queue, "mine");
    EXPECT_EQ(run.priority, 3);
    EXPECT_EQ(run.start_key, "k");
    EXPECT_EQ(run.deadline, t0 + 60s);
    EXPECT_EQ(run.origin, R"({"actor":"me"})");
  }
  const run_record plain = two->read_run(id_of(2)).value().run;
  EXPECT_EQ(plain.queue + plain.start_key + plain.origin, "");
  EXPECT_FALSE(plain.deadline);
}

TEST_P(branches, a_run_may_begin_with_several_branches_and_a_watch_over_its_deadline) {
  const auto ids = write(forked_start(1)).inserted;
  ASSERT_EQ(ids.size(), 3U);
  EXPECT_EQ(job_of_run(1), std::nullopt);
  EXPECT_EQ(rows(), "=" + to_string(ids[2]) + ",a=" + to_string(ids[0]) + ",b=" + to_string(ids[1]));
  EXPECT_EQ(jobs_of_run(1), ids);
  const auto jobs = two->jobs_of_run(id_of(1)).value();
  EXPECT_EQ(driven_by(jobs[0]), branch(1, "a"));
  EXPECT_EQ(driven_by(jobs[1]), branch(1, "b"));
  EXPECT_EQ(driven_by(jobs[2]), deadline(1));
  EXPECT_EQ(jobs[2].state, state::scheduled);
  EXPECT_TRUE(jobs_of_run(2).empty());
}

TEST_P(branches, a_run_may_begin_with_one_branch_and_a_watch) {
  commit start = start_of(1);
  start.inserts.insert(start.inserts.begin(), run_job(deadline(1), "q"));
  const auto ids = write(start).inserted;
  EXPECT_EQ(job_of_run(1), ids[1]);
  EXPECT_EQ(rows(), "=" + to_string(ids[0]));
  EXPECT_EQ(jobs_of_run(1), ids);
}

TEST_P(branches, only_jobs_for_a_whole_run_bring_its_journal) {
  write({start_of(1), forked_start(2)});
  const auto claimed = fetch(10, t0 + 60s, queues).claimed;
  ASSERT_EQ(claimed.size(), 4U);
  for (const auto& work : claimed) EXPECT_EQ(work.run.has_value(), driven_by(work.job).value().is != role::one_of_many);
  for (const auto& work : must(two->find_orphans(queues, t0 + 60s, 10))) {
    EXPECT_EQ(work.run.has_value(), driven_by(work.job).value().is != role::one_of_many);
  }
}

TEST_P(branches, a_taken_id_refuses_the_start) {
  EXPECT_TRUE(write(start_of(1, "first")).applied);
  const auto outcome = write({start_of(1, "second"), start_of(2)});
  EXPECT_FALSE(outcome.commits[0].applied);
  EXPECT_TRUE(outcome.commits[0].inserted.empty());
  EXPECT_TRUE(outcome.commits[1].applied);
  EXPECT_EQ(one->read_run(id_of(1)).value().run.workflow, "first");
  EXPECT_EQ(one->list_jobs({}).value().size(), 2U);
}

TEST_P(branches, a_start_key_starts_one_run_of_a_workflow) {
  const auto keyed = [](std::uint8_t n, const std::string& workflow, const std::string& key) {
    commit start = start_of(n, workflow);
    start.start->start_key = key;
    return start;
  };
  const auto outcome = write({keyed(1, "w", "k"), keyed(2, "w", "k"), keyed(3, "other", "k"), keyed(4, "w", "l")});
  EXPECT_TRUE(outcome.commits[0].applied);
  EXPECT_FALSE(outcome.commits[1].applied);
  EXPECT_TRUE(outcome.commits[1].inserted.empty());
  EXPECT_TRUE(outcome.commits[2].applied);
  EXPECT_TRUE(outcome.commits[3].applied);
  EXPECT_FALSE(write(keyed(5, "w", "k")).applied);
  EXPECT_FALSE(one->read_run(id_of(2)));
  EXPECT_EQ(one->list_jobs({}).value().size(), 3U);
  EXPECT_EQ(two->find_by_start_key("w", "k").value(), id_of(1));
  EXPECT_EQ(two->find_by_start_key("other", "k").value(), id_of(3));
  EXPECT_EQ(two->find_by_start_key("w", "m").value(), std::nullopt);
  EXPECT_TRUE(write({start_of(6), start_of(7)}).commits[1].applied) << "no key is not a key";
}

TEST_P(branches, one_of_many_threads_starts_the_run_of_a_key) {
  std::atomic<int> applied = 0;
  const auto race = [&](storage::store& store, std::uint8_t first) {
    for (std::uint8_t i = 0; i < 10; ++i) {
      commit start = start_of(static_cast<std::uint8_t>(first + i));
      start.start->start_key = std::to_string(i);
      const auto outcome = store.write({.now = t0, .commits = {&start}});
      if (outcome && outcome->commits[0].applied) ++applied;
    }
  };
  {
    const std::jthread a([&] { race(*one, 1); });
    const std::jthread b([&] { race(*two, 101); });
  }
  EXPECT_EQ(applied, 10);
  EXPECT_EQ(one->list_jobs({}).value().size(), 10U);
}

TEST_P(branches, a_start_behind_another_fence_gives_way_to_its_key_and_the_rest_is_applied) {
  const auto tick = [&](std::uint8_t n, const std::string& key) {
    insert({.queue = "q", .worker = "tick"});
    commit what = step_of(fetch_one(), {.is = change::snooze, .at = t0 + 60s}, forked_start(n));
    what.start->start_key = key;
    what.inserts.insert(what.inserts.begin() + 1, {.queue = "q", .worker = "beside"});
    return what;
  };
  const commit first = tick(1, "k");
  const auto began = write(first);
  EXPECT_TRUE(began.applied);
  EXPECT_EQ(jobs_of_run(1), (std::vector{began.inserted[0], began.inserted[2], began.inserted[3]}));
  while (!fetched().empty()) continue;

  const commit second = tick(2, "k");
  const auto gave_way = write(second);
  EXPECT_TRUE(gave_way.applied);
  ASSERT_EQ(gave_way.inserted.size(), 4U);
  EXPECT_EQ(gave_way.inserted[0], job_id{0});
  EXPECT_EQ(read(gave_way.inserted[1]).worker, "beside");
  EXPECT_EQ(gave_way.inserted[2], job_id{0});
  EXPECT_FALSE(one->read_run(id_of(2)));
  EXPECT_EQ(read(second.jobs[0].whose.job).state, state::scheduled);
  EXPECT_EQ(one->list_jobs({.worker = run_worker_name}).value().size(), 2U);
  EXPECT_EQ(rows(), "=" + to_string(began.inserted[3]) + ",a=" + to_string(began.inserted[0]) +
                        ",b=" + to_string(began.inserted[2]));

  commit late = tick(3, "m");
  late.jobs[0].whose.holder = other;
  const auto refused = write({late, start_of(4)});
  EXPECT_FALSE(refused.commits[0].applied);
  EXPECT_TRUE(refused.commits[1].applied);
  EXPECT_FALSE(one->read_run(id_of(3))) << "its fence was taken";
}

// -- Several jobs

TEST_P(branches, a_commit_may_end_several_jobs) {
  write(forked_start(1));
  const auto claimed = fetch().claimed;
  ASSERT_EQ(claimed.size(), 2U);
  commit end = step_of(claimed[1].job, {.is = change::give_back},
                       step_of(claimed[0].job, {.is = change::finish}, facts_of(1, {completed(1), completed(2)})));
  insert();
  const job_row stale = fetch_one();
  end = step_of(stale, {.is = change::finish}, end);
  end.jobs[2].whose.holder = other;
  const auto outcome = write(end);
  EXPECT_TRUE(outcome.applied);
  EXPECT_EQ(outcome.lost, std::vector{stale.id});
  EXPECT_EQ(read(claimed[0].job.id).state, state::completed);
  EXPECT_EQ(read(claimed[1].job.id).state, state::available);
  EXPECT_EQ(read(stale.id).state, state::executing);
  EXPECT_TRUE(write(end).lost.empty()) << "where the facts are refused, the jobs are not looked at";
}

TEST_P(branches, commits_about_one_run_are_applied_in_their_order_even_without_facts) {
  write(start_of(1));
  const commit first{.run = id_of(1), .status = status_change{.status = run_status::running}};
  const commit second{.run = id_of(1), .status = status_change{.status = run_status::retrying}};
  write({first, second});
  EXPECT_EQ(one->read_run(id_of(1)).value().run.status, run_status::retrying);
}

// -- Attaching and releasing

TEST_P(branches, a_released_run_has_no_job_and_none_is_missing) {
  write(start_of(1));
  const job_row job = fetch_one();
  commit wait = step_of(job, {.is = change::finish}, facts_of(1, {completed(1)}));
  wait.jobs[0].releases = only(1);
  wait.status = status_change{.status = run_status::paused};
  ASSERT_TRUE(write(wait).applied);
  EXPECT_EQ(job_of_run(1), std::nullopt);
  EXPECT_EQ(one->read_run(id_of(1)).value().run.status, run_status::paused);
  EXPECT_EQ(mend(), 0U);
  EXPECT_TRUE(jobs_of_run(1).empty());

  commit go = facts_of(1, {completed(2)});
  go.status = status_change{.status = run_status::running};
  go.inserts = {{.queue = "q", .worker = "beside"}, run_job(only(1), "q")};
  const auto gone_on = write(go);
  EXPECT_EQ(job_of_run(1), gone_on.inserted[1]);
  EXPECT_EQ(one->read_run(id_of(1)).value().run.status, run_status::running);
}

TEST_P(branches, a_release_without_a_status_leaves_that_alone) {
  write(start_of(1));
  commit wait = step_of(fetch_one(), {.is = change::finish});
  wait.run = id_of(1);
  wait.jobs[0].releases = only(1);
  ASSERT_TRUE(write(wait).applied);
  EXPECT_EQ(job_of_run(1), std::nullopt);
  EXPECT_EQ(one->read_run(id_of(1)).value().run.status, run_status::pending);
}

TEST_P(branches, what_was_lost_releases_only_what_it_still_had) {
  write({start_of(1), forked_start(2)});
  const auto claimed = fetch().claimed;
  ASSERT_EQ(claimed.size(), 3U);
  const auto release = [&](const job_row& job, const driven_branch& of, std::int64_t seq) {
    commit wait = step_of(job, {.is = change::finish}, {.run = of.run, .facts = {completed(seq)}});
    wait.jobs[0].whose.holder = other;
    wait.jobs[0].releases = of;
    return wait;
  };
  database->execute("UPDATE squid_mesh_runs SET job_id = 99 WHERE job_id IS NOT NULL");
  database->execute("UPDATE squid_mesh_branches SET job_id = 99 WHERE branch = 'a'");
  const std::string before = rows();
  const auto outcomes =
      write({release(claimed[0].job, only(1), 1), release(claimed[1].job, branch(2, "a"), 1)}).commits;
  for (const commit_outcome& outcome : outcomes) {
    EXPECT_TRUE(outcome.applied);
    EXPECT_EQ(outcome.lost.size(), 1U);
  }
  EXPECT_EQ(job_of_run(1), job_id{99});
  EXPECT_EQ(rows(), before);
  // The job was lost, but the branch is still its.
  write(release(claimed[2].job, branch(2, "b"), 2));
  EXPECT_EQ(database->query("SELECT branch FROM squid_mesh_branches ORDER BY branch"), ",a");
}

TEST_P(branches, a_refused_commit_changes_no_branch) {
  const auto ids = write(forked_start(1)).inserted;
  write(facts_of(1, {completed(1)}));
  const std::string before = rows();
  commit refused = step_of(fetch_one(), {.is = change::finish}, facts_of(1, {completed(1, "taken")}));
  refused.jobs[0].releases = branch(1, "a");
  refused.inserts = {run_job(branch(1, "c"), "q"), run_job(only(1), "q")};
  refused.wakes = {run_job(branch(1, "d"), "q"), run_job(deadline(1), "q")};
  refused.retires_jobs = true;
  refused.schedule = schedule_change{.workflow = "w", .trigger = "t", .next_at = t0};
  EXPECT_FALSE(write(refused).applied);
  EXPECT_EQ(rows(), before);
  EXPECT_EQ(job_of_run(1), std::nullopt);
  EXPECT_EQ(read(ids[1]).state, state::available);
  EXPECT_EQ(read(ids[2]).state, state::scheduled);
  EXPECT_EQ(one->list_jobs({}).value().size(), 3U);
}

TEST_P(branches, a_branch_ends_and_others_begin_in_one_commit) {
  const auto ids = write(forked_start(1)).inserted;
  const job_row job = fetch_one();
  commit next = step_of(job, {.is = change::finish}, facts_of(1, {completed(1)}));
  next.jobs[0].releases = branch(1, "a");
  next.inserts = {run_job(branch(1, "c"), "q"), run_job(branch(1, "d"), "q")};
  const auto made = write(next).inserted;
  EXPECT_EQ(rows(), "=" + to_string(ids[2]) + ",b=" + to_string(ids[1]) + ",c=" + to_string(made[0]) +
                        ",d=" + to_string(made[1]));

  // The same branch may get another job at once.
  const job_row second = fetch_one();
  ASSERT_EQ(second.id, ids[1]);
  commit again = step_of(second, {.is = change::finish}, facts_of(1, {completed(2)}));
  again.jobs[0].releases = branch(1, "b");
  again.inserts = {run_job(branch(1, "b"), "q")};
  const auto renewed = write(again).inserted;
  EXPECT_EQ(rows(), "=" + to_string(ids[2]) + ",b=" + to_string(renewed[0]) + ",c=" + to_string(made[0]) +
                        ",d=" + to_string(made[1]));
}

// -- Waking

class waking : public branches {
 protected:
  /// Wakes this branch of run 1, and says which job drives it then.
  job_id wake(const driven_branch& of, time_point now = t0 + 10s) {
    commit what = facts_of(1, {completed(++seq_)});
    what.wakes = {run_job(of, "q", 2)};
    if (of.is == role::only) what.status = status_change{.status = run_status::running};
    EXPECT_TRUE(write(what, now).applied);
    for (const job_row& job : must(two->jobs_of_run(id_of(1)))) {
      if (driven_by(job) == of) return job.id;
    }
    return {};
  }

 private:
  std::int64_t seq_ = 0;
};

TEST_P(waking, makes_what_waits_available_and_leaves_what_goes_on_alone) {
  for (const bool forked : {false, true}) {
    const auto run = static_cast<std::uint8_t>(1);
    database->execute("DELETE FROM squid_mesh_runs; DELETE FROM squid_mesh_branches; DELETE FROM squid_mesh_events");
    const job_id job = write(forked ? forked_start(run) : start_of(run)).inserted[0];
    const driven_branch of = forked ? branch(run, "a") : only(run);
    for (const char* waits : {"scheduled", "retryable"}) {
      set(job, std::string("state = '") + waits + "', scheduled_at = '2100-01-01T00:00:00.000000Z'");
      database->execute("DELETE FROM squid_mesh_events");
      commit what = facts_of(run, {completed(1)});
      what.wakes = {run_job(of, "q")};
      ASSERT_TRUE(write(what, t0 + 10s).applied);
      EXPECT_EQ(read(job).state, state::available) << waits;
      EXPECT_EQ(read(job).scheduled_at, t0 + 10s);
    }
    for (const char* goes_on : {"available", "executing", "suspended"}) {
      set(job, std::string("state = '") + goes_on + "', scheduled_at = '2100-01-01T00:00:00.000000Z'");
      database->execute("DELETE FROM squid_mesh_events");
      commit what = facts_of(run, {completed(1)});
      what.wakes = {run_job(of, "q")};
      ASSERT_TRUE(write(what, t0 + 10s).applied);
      EXPECT_EQ(to_string(read(job).state), goes_on);
      EXPECT_GT(read(job).scheduled_at, t0 + 10s);
    }
    EXPECT_EQ(jobs_of_run(run)[0], job);
    EXPECT_EQ(one->list_jobs({.worker = run_worker_name}).value().size(), forked ? 3U : 1U);
  }
}

TEST_P(waking, keeps_an_earlier_time) {
  const job_id job = write(start_of(1)).inserted[0];
  set(job, "state = 'scheduled'");
  EXPECT_EQ(wake(only(1)), job);
  EXPECT_EQ(read(job).scheduled_at, t0);
  EXPECT_EQ(one->read_run(id_of(1)).value().run.status, run_status::running);
}

TEST_P(waking, replaces_what_has_ended_or_is_gone) {
  write(forked_start(1));
  for (const char* gone : {"completed", "discarded", "cancelled", ""}) {
    const job_id before = jobs_of_run(1)[0];
    if (*gone != '\0') {
      set(before, std::string("state = '") + gone + "'");
    } else {
      database->execute("DELETE FROM oban_jobs WHERE id = " + to_string(before));
    }
    const driven_branch of = driven_by(one->read_job(before).value_or(job_row{})).value_or(branch(1, "a"));
    const job_id after = wake(of);
    EXPECT_GT(after, before) << gone;
    EXPECT_EQ(read(after).state, state::available);
    EXPECT_EQ(read(after).priority, 2);
  }
}

TEST_P(waking, gives_a_branch_without_a_job_one) {
  write(start_of(1));
  commit wait = step_of(fetch_one(), {.is = change::finish});
  wait.run = id_of(1);
  wait.jobs[0].releases = only(1);
  write(wait);
  const job_id job = wake(only(1));
  EXPECT_EQ(job_of_run(1), job);
  EXPECT_EQ(one->read_run(id_of(1)).value().run.status, run_status::running);
  EXPECT_EQ(wake(only(1)), job) << "it is available now";
  EXPECT_NE(wake(branch(1, "z")), job_id{});
}

TEST_P(waking, of_several_branches_is_one_commit) {
  const auto ids = write(forked_start(1)).inserted;
  set(ids[0], "state = 'scheduled'");
  database->execute("DELETE FROM oban_jobs WHERE id = " + to_string(ids[1]));
  commit what = facts_of(1, {completed(1)});
  what.wakes = {run_job(branch(1, "a"), "q"), run_job(branch(1, "b"), "q"), run_job(branch(1, "c"), "q")};
  what.wakes[2].scheduled_at = t0 + 30s;
  ASSERT_TRUE(write(what).applied);
  EXPECT_EQ(read(ids[0]).state, state::available);
  const auto jobs = two->jobs_of_run(id_of(1)).value();
  ASSERT_EQ(jobs.size(), 4U);
  EXPECT_EQ(driven_by(jobs[2]), branch(1, "b"));
  EXPECT_EQ(jobs[2].state, state::available);
  EXPECT_EQ(driven_by(jobs[3]), branch(1, "c"));
  EXPECT_EQ(jobs[3].state, state::scheduled);
  EXPECT_EQ(jobs[3].scheduled_at, t0 + 30s);
}

// -- Retiring

TEST_P(branches, an_ended_runs_jobs_are_cancelled_unless_somebody_executes_them) {
  const auto ids = write(forked_start(1)).inserted;
  const auto others = write(forked_start(2)).inserted;
  const job_row mine = fetch_one();
  const job_row running = fetch_one();
  ASSERT_EQ(running.id, ids[1]);
  const job_id available = write([] {
                             commit more = facts_of(1, {completed(1)});
                             more.inserts = {run_job(branch(1, "c"), "q")};
                             return more;
                           }())
                               .inserted[0];
  commit end = step_of(mine, {.is = change::snooze, .at = t0 + 5s}, facts_of(1, {completed(2)}));
  end.jobs[0].releases = branch(1, "a");
  end.status = status_change{.status = run_status::failed, .ended_at = t0};
  end.retires_jobs = true;
  ASSERT_TRUE(write(end, t0 + 1s).applied);
  EXPECT_EQ(read(mine.id).state, state::scheduled) << "what the commit says of its own jobs holds";
  EXPECT_EQ(read(running.id).state, state::executing);
  for (const job_id job : {available, ids[2]}) {
    EXPECT_EQ(read(job).state, state::cancelled);
    EXPECT_EQ(read(job).cancelled_at, t0 + 1s);
  }
  EXPECT_TRUE(jobs_of_run(1).empty());
  EXPECT_EQ(jobs_of_run(2), others);
  for (const job_id job : others) EXPECT_NE(read(job).state, state::cancelled);
  EXPECT_EQ(mend(), 0U);
}

TEST_P(branches, an_ended_runs_only_job_is_cancelled_too) {
  const job_id job = write(start_of(1)).inserted[0];
  set(job, "state = 'retryable'");
  commit end = facts_of(1, {completed(1)});
  end.status = status_change{.status = run_status::cancelled, .ended_at = t0};
  end.retires_jobs = true;
  ASSERT_TRUE(write(end).applied);
  EXPECT_EQ(read(job).state, state::cancelled);
}

// -- Being cancelled

TEST_P(branches, jobs_of_runs_that_are_to_end_are_named) {
  const job_id plain = insert();
  std::vector<job_id> asked{plain, {99}};
  const auto cancelling = write(start_of(1)).inserted;
  const auto forked = write(forked_start(2)).inserted;
  const auto ended = write(start_of(3)).inserted;
  const auto going_on = write(start_of(4)).inserted;
  for (const auto& ids : {cancelling, forked, ended, going_on}) asked.insert(asked.end(), ids.begin(), ids.end());
  EXPECT_TRUE(two->being_cancelled(asked).value().empty());
  write({{.run = id_of(1), .status = status_change{.status = run_status::cancelling}},
         {.run = id_of(2), .status = status_change{.status = run_status::cancelling}},
         {.run = id_of(3), .status = status_change{.status = run_status::failed, .ended_at = t0}}});
  auto named = two->being_cancelled(asked).value();
  std::ranges::sort(named);
  EXPECT_EQ(named, (std::vector{cancelling[0], forked[0], forked[1], forked[2], ended[0]}));
  EXPECT_TRUE(two->being_cancelled({}).value().empty());
}

// -- Mending

TEST_P(branches, each_branch_whose_job_is_gone_gets_a_new_one) {
  commit start = forked_start(1);
  start.start->queue = "mine";
  start.start->priority = 4;
  const auto ids = write(start).inserted;
  write(start_of(2));
  const job_row delivered = fetch_one();
  set(delivered.id, "state = 'cancelled'");
  set(ids[1], "state = 'discarded'");
  database->execute("DELETE FROM oban_jobs WHERE id = " + to_string(ids[2]));
  ASSERT_EQ(delivered.id, ids[0]);
  EXPECT_EQ(mend(), 3U);
  EXPECT_EQ(mend(), 0U);
  const auto jobs = two->jobs_of_run(id_of(1)).value();
  ASSERT_EQ(jobs.size(), 3U);
  for (const job_row& job : jobs) {
    EXPECT_GT(job.id, ids[2]);
    EXPECT_EQ(job.queue, "mine");
    EXPECT_EQ(job.priority, 4);
    const driven_branch drives = driven_by(job).value();
    const bool watches = drives.is == role::deadline;
    EXPECT_EQ(job.state, watches ? state::scheduled : state::available);
    EXPECT_EQ(job.scheduled_at, watches ? t0 + 60s : t0 + 1s);
    EXPECT_EQ(job.attempt, drives == branch(1, "b") ? 0 : 1) << "only of this one it is known that nobody had it";
  }
}

TEST_P(branches, runs_of_earlier_versions_are_mended_on_the_given_queue) {
  for (const run_status status : {run_status::paused, run_status::cancelling}) {
    const auto n = static_cast<std::uint8_t>(status);
    const job_id job = write(start_of(n)).inserted[0];
    write({.run = id_of(n), .status = status_change{.status = status}});
    database->execute("DELETE FROM oban_jobs WHERE id = " + to_string(job));
    EXPECT_EQ(mend(), 1U);
    EXPECT_EQ(read(job_of_run(n).value()).queue, "m");
  }
}

TEST_P(branches, ended_runs_are_not_mended) {
  const auto ids = write(forked_start(1)).inserted;
  write({.run = id_of(1), .status = status_change{.status = run_status::failed, .ended_at = t0}});
  database->execute("DELETE FROM oban_jobs");
  EXPECT_EQ(mend(), 0U);
  EXPECT_EQ(two->mend_runs("m", t0, 0).value(), 0U);
}

// -- Views

TEST_P(branches, a_pending_run_is_shown_as_running_while_a_branch_is_executed) {
  const auto ids = write(forked_start(1)).inserted;
  EXPECT_EQ(two->read_status(id_of(1)), run_status::pending);
  set(ids[2], "state = 'executing'");
  EXPECT_EQ(two->read_status(id_of(1)), run_status::pending) << "its deadline is no work";
  set(ids[1], "state = 'executing'");
  EXPECT_EQ(two->read_status(id_of(1)), run_status::running);
  EXPECT_EQ(two->list_runs({.statuses = {run_status::running}}, {}).value().size(), 1U);
  write({.run = id_of(1), .status = status_change{.status = run_status::paused}});
  EXPECT_EQ(two->read_status(id_of(1)), run_status::paused);
}

TEST_P(branches, the_views_show_what_became_of_gates_events_and_unwanted_results) {
  write(start_of(1));
  const auto at = [](std::int64_t seq, fact_kind kind, const char* step, const char* data) {
    return fact{.seq = seq, .kind = kind, .step = step, .at = t0, .node = "n", .data = data};
  };
  fact unwanted = at(8, fact_kind::attempt_discarded, "f", R"({"error":{"code":"step_failed","message":"late"}})");
  unwanted.started_at = t0;
  write(facts_of(
      1, {at(1, fact_kind::gate_opened, "a", R"({"quorum":1})"), at(2, fact_kind::gate_approved, "a", "{}"),
          at(3, fact_kind::gate_unblocked, "b", "{}"), at(4, fact_kind::gate_rejected, "c", "{}"),
          at(5, fact_kind::event_received, "", R"({"name":"n","data":1})"), at(6, fact_kind::event_taken, "d", ""),
          at(7, fact_kind::step_completed, "e", R"({"x":1})"), unwanted}));
  EXPECT_EQ(database->query("SELECT step FROM squid_mesh_steps ORDER BY seq"), "a,b,c,d,e");
  EXPECT_EQ(database->query("SELECT coalesce(CAST(output AS TEXT), '-') FROM squid_mesh_steps ORDER BY seq"),
            R"(-,-,-,-,{"x":1})");
  EXPECT_EQ(database->query("SELECT step || status || error FROM squid_mesh_attempts"), "fcancelledlate");
}

INSTANTIATE_TEST_SUITE_P(backends, branches, all_backends(), backend_name);
INSTANTIATE_TEST_SUITE_P(backends, waking, all_backends(), backend_name);

}  // namespace
}  // namespace squid_mesh::testing
