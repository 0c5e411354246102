// The part of the contract that is about jobs: fences, claims, staging, duties, commands.
#include "storage/store_contract.h"

namespace squid_mesh::testing {
namespace {

// -- The delivery's fence

TEST_P(store_contract, a_lost_job_is_reported_and_facts_are_taken_all_the_same) {
  write(start_of(1));
  const job_row mine = fetch_one();
  for (const std::function<void(delivery&)>& differ : std::vector<std::function<void(delivery&)>>{
           [](delivery& d) { ++d.attempt; }, [](delivery& d) { d.holder = other; },
           [](delivery& d) { d.job = {99}; }}) {
    commit job_only = step_of(mine, {.is = change::finish});
    differ(job_only.jobs[0].whose);
    job_only.inserts.push_back({.queue = "q", .worker = "never"});
    const auto refused = write(job_only);
    EXPECT_FALSE(refused.applied);
    EXPECT_EQ(refused.lost, std::vector{job_only.jobs[0].whose.job});
    EXPECT_EQ(read(mine.id).state, state::executing);
    EXPECT_TRUE(one->list_jobs({.worker = "never"}).value().empty());
  }
  commit with_facts = step_of(mine, {.is = change::finish}, facts_of(1, {completed(1)}));
  with_facts.jobs[0].whose.holder = other;
  const auto taken = write(with_facts);
  EXPECT_TRUE(taken.applied);
  EXPECT_EQ(taken.lost, std::vector{mine.id});
  EXPECT_EQ(read(mine.id).state, state::executing);
}

TEST_P(store_contract, the_same_node_at_another_time_is_another_holder) {
  insert();
  const job_row first = fetch_one(t0);
  ASSERT_TRUE(change_job(first, {.is = change::give_back}).applied);
  const job_row second = fetch_one(t0 + 1s);
  EXPECT_EQ(second.attempt, first.attempt);
  EXPECT_FALSE(change_job(first, {.is = change::finish}).applied);
  EXPECT_TRUE(change_job(second, {.is = change::finish}).applied);
}

// -- What becomes of a job

TEST_P(store_contract, a_finished_job_is_completed) {
  insert();
  const job_row job = fetch_one();
  EXPECT_TRUE(change_job(job, {.is = change::finish}, t0 + 1s).applied);
  const job_row after = read(job.id);
  EXPECT_EQ(after.state, state::completed);
  EXPECT_EQ(after.completed_at, t0 + 1s);
  EXPECT_EQ(after.attempt, 1);
}

TEST_P(store_contract, a_snoozed_job_comes_back_and_its_delivery_does_not_count) {
  insert();
  const job_row job = fetch_one();
  EXPECT_TRUE(change_job(job, {.is = change::snooze, .at = t0 + 60s}).applied);
  const job_row after = read(job.id);
  EXPECT_EQ(after.state, state::scheduled);
  EXPECT_EQ(after.scheduled_at, t0 + 60s);
  EXPECT_EQ(after.attempt, 0);
  EXPECT_EQ(after.max_attempts, 20);
}

TEST_P(store_contract, a_job_given_back_is_available_and_its_delivery_does_not_count) {
  insert();
  const job_row job = fetch_one();
  EXPECT_TRUE(change_job(job, {.is = change::give_back}).applied);
  EXPECT_EQ(read(job.id).state, state::available);
  EXPECT_EQ(read(job.id).attempt, 0);
}

TEST_P(store_contract, a_kept_job_is_left_alone) {
  insert();
  const job_row job = fetch_one();
  EXPECT_TRUE(change_job(job, {.is = change::keep}).applied);
  EXPECT_EQ(read(job.id).state, state::executing);
}

TEST_P(store_contract, a_failed_job_is_retryable_with_its_error_as_an_object) {
  insert();
  const job_row first = fetch_one();
  EXPECT_TRUE(change_job(first, {.is = change::retry, .at = t0 + 17s, .reason = "say \"no\""}, t0 + 1s).applied);
  const job_row after = read(first.id);
  EXPECT_EQ(after.state, state::retryable);
  EXPECT_EQ(after.scheduled_at, t0 + 17s);
  EXPECT_EQ(after.attempt, 1);
  EXPECT_EQ(json::parse(after.errors),
            json::array({{{"attempt", 1}, {"at", to_string(t0 + 1s)}, {"error", "say \"no\""}}}));

  const auto again = fetch(1, t0 + 17s, queues).claimed.at(0).job;
  EXPECT_TRUE(change_job(again, {.is = change::discard, .reason = "caf\xE9"}, t0 + 18s).applied);
  const job_row ended = read(first.id);
  EXPECT_EQ(ended.state, state::discarded);
  EXPECT_EQ(ended.discarded_at, t0 + 18s);
  const json errors = json::parse(ended.errors);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[1].at("attempt"), 2);
}

TEST_P(store_contract, a_cancelled_delivery_is_cancelled) {
  insert();
  const job_row job = fetch_one();
  EXPECT_TRUE(change_job(job, {.is = change::cancel, .reason = "unwanted"}, t0 + 1s).applied);
  EXPECT_EQ(read(job.id).state, state::cancelled);
  EXPECT_EQ(read(job.id).cancelled_at, t0 + 1s);
  EXPECT_EQ(json::parse(read(job.id).errors)[0].at("error"), "unwanted");
}

TEST_P(store_contract, a_rescued_job_is_available_until_its_attempts_are_used_up) {
  insert({.queue = "q", .worker = "plain", .max_attempts = 2});
  const job_row first = fetch_one();
  EXPECT_TRUE(change_job(first, {.is = change::rescue, .reason = "died"}, t0 + 1s).applied);
  EXPECT_EQ(read(first.id).state, state::available);
  EXPECT_EQ(read(first.id).attempt, 1);
  const job_row second = fetch_one(t0 + 2s);
  EXPECT_TRUE(change_job(second, {.is = change::rescue, .reason = "died"}, t0 + 3s).applied);
  EXPECT_EQ(read(first.id).state, state::discarded);
  EXPECT_EQ(read(first.id).discarded_at, t0 + 3s);
  EXPECT_EQ(json::parse(read(first.id).errors).size(), 2U);
}

// -- Claims

TEST_P(store_contract, staging_says_which_queues_have_available_jobs) {
  const auto look = [&] { return must(one->write({.now = t0, .stage = {"q", "r"}, .attempted_by = me})).available; };
  EXPECT_TRUE(look().empty());
  insert({.queue = "q", .worker = "w", .scheduled_at = t0 + 1s});
  insert({.queue = "elsewhere", .worker = "w"});
  EXPECT_TRUE(look().empty());
  insert({.queue = "r", .worker = "w", .scheduled_at = t0});
  EXPECT_EQ(look(), (std::vector<std::string>{"r"})) << "it has become available just now";
  insert();
  EXPECT_EQ(look(), (std::vector<std::string>{"q", "r"}));
}

TEST_P(store_contract, a_limit_for_all_nodes_counts_what_living_nodes_execute) {
  for (int i = 0; i < 6; ++i) insert();
  const auto claim = [&](const std::string& who, time_point now) {
    return must(one->write({.now = now, .claims = {{"q", 10, 3}}, .attempted_by = who})).claimed.size();
  };
  must(one->beat(
      {.node = {.name = "n1", .id = "11111111-1111-7111-8111-111111111111"}, .now = t0, .expires_at = t0 + 10s}));
  EXPECT_EQ(claim(me, t0), 3U);
  EXPECT_EQ(claim(other, t0), 0U);
  EXPECT_EQ(claim(other, t0 + 10s), 3U) << "a dead node uses nothing";
}

TEST_P(store_contract, a_claimed_job_says_who_has_it_since_when) {
  insert();
  const job_row job = fetch_one(t0 + 1s);
  EXPECT_EQ(job.state, state::executing);
  EXPECT_EQ(json::parse(job.attempted_by), json::parse(me));
  EXPECT_EQ(job.attempted_at, t0 + 1s);
  EXPECT_EQ(job.attempt, 1);
  EXPECT_EQ(read(job.id).holder, job.holder);
}

TEST_P(store_contract, jobs_are_claimed_by_priority_then_time_then_id_up_to_the_limit) {
  const job_id third = insert({.queue = "q", .worker = "w", .priority = 1});
  const job_id second = insert({.queue = "q", .worker = "w"}, t0 + 1s);
  const job_id fourth = insert({.queue = "q", .worker = "w", .priority = 1});
  const job_id first = insert({.queue = "q", .worker = "w"});
  insert({.queue = "elsewhere", .worker = "w"});
  EXPECT_EQ(fetched(3, t0 + 1s), (std::vector{first, second, third}));
  EXPECT_EQ(fetched(3, t0 + 1s), (std::vector{fourth}));
  EXPECT_TRUE(fetched(3, t0 + 1s).empty());
}

TEST_P(store_contract, two_processes_never_claim_the_same_job) {
  for (int i = 0; i < 20; ++i) insert();
  std::vector<job_id> mine;
  std::vector<job_id> theirs;
  const auto race = [](storage::store& store, const std::string& who, std::vector<job_id>& got) {
    for (int i = 0; i < 20; ++i) {
      const auto outcome = store.write({.now = t0, .claims = {{"q", 1}}, .attempted_by = who});
      if (outcome && !outcome->claimed.empty()) got.push_back(outcome->claimed[0].job.id);
    }
  };
  {
    const std::jthread a([&] { race(*one, me, mine); });
    const std::jthread b([&] { race(*two, other, theirs); });
  }
  mine.insert(mine.end(), theirs.begin(), theirs.end());
  std::ranges::sort(mine);
  EXPECT_EQ(std::ranges::unique(mine).size(), 0U);
  EXPECT_EQ(mine.size(), 20U);
}

TEST_P(store_contract, nothing_is_claimed_from_a_paused_queue_by_anybody) {
  const job_id job = insert();
  ASSERT_TRUE(two->set_paused("q", true, t0));
  ASSERT_TRUE(two->set_paused("q", true, t0)) << "twice is once";
  EXPECT_TRUE(fetched().empty());
  ASSERT_TRUE(two->set_paused("q", false, t0));
  EXPECT_EQ(fetched(), std::vector{job});
}

TEST_P(store_contract, a_job_without_attempts_left_is_not_claimed_and_blocks_nobody) {
  const job_id used_up = insert();
  database->execute("UPDATE oban_jobs SET attempt = max_attempts WHERE id = " + to_string(used_up));
  const job_id fresh = insert();
  EXPECT_EQ(fetched(1), std::vector{fresh});
}

TEST_P(store_contract, a_runs_job_brings_its_journal_with_it) {
  write(start_of(1));
  write(facts_of(1, {completed(1), completed(2, "b")}));
  insert();
  const auto claimed = fetch().claimed;
  ASSERT_EQ(claimed.size(), 2U);
  ASSERT_TRUE(claimed[0].run);
  EXPECT_EQ(claimed[0].run->run.id, id_of(1));
  EXPECT_EQ(claimed[0].run->facts.size(), 2U);
  EXPECT_FALSE(claimed[1].run);
}

TEST_P(store_contract, a_commit_and_a_claim_of_what_it_inserts_fit_in_one_batch) {
  const commit start = start_of(1);
  const auto outcome = one->write({.now = t0, .commits = {&start}, .claims = {{"q", 1}}, .attempted_by = me});
  ASSERT_EQ(outcome.value().claimed.size(), 1U);
  EXPECT_TRUE(outcome->claimed[0].run);
}

TEST_P(store_contract, what_a_node_has_claimed_can_be_found) {
  insert();
  const job_row job = fetch_one();
  const auto mine = two->find_claimed(queues, me).value();
  ASSERT_EQ(mine.size(), 1U);
  EXPECT_EQ(mine[0].job.id, job.id);
  EXPECT_EQ(mine[0].job.holder, job.holder);
  EXPECT_TRUE(two->find_claimed(queues, other).value().empty());
  EXPECT_TRUE(two->find_claimed(std::vector<std::string>{"elsewhere"}, me).value().empty());
}

// -- Staging

TEST_P(store_contract, only_what_is_due_is_staged_and_only_in_the_named_queues) {
  const job_id due = insert({.queue = "q", .worker = "w", .scheduled_at = t0 + 10s});
  const job_id later = insert({.queue = "q", .worker = "w", .scheduled_at = t0 + 10s + 1us});
  const job_id elsewhere = insert({.queue = "elsewhere", .worker = "w", .scheduled_at = t0});
  EXPECT_EQ(read(due).state, state::scheduled);
  EXPECT_TRUE(fetched(10, t0 + 10s).empty()) << "nothing is available before it is staged";
  EXPECT_EQ(fetched(10, t0 + 10s, queues), std::vector{due});
  EXPECT_EQ(read(later).state, state::scheduled);
  EXPECT_EQ(read(elsewhere).state, state::scheduled);
}

TEST_P(store_contract, the_next_due_time_is_the_earliest_of_what_was_staged_from) {
  EXPECT_FALSE(fetch(0, t0, queues).next_due);
  insert({.queue = "q", .worker = "w", .priority = 0, .scheduled_at = t0 + 20s});
  insert({.queue = "q", .worker = "w", .priority = 9, .scheduled_at = t0 + 10s});
  insert({.queue = "elsewhere", .worker = "w", .scheduled_at = t0 + 1s});
  EXPECT_EQ(fetch(0, t0, queues).next_due, t0 + 10s);
  EXPECT_EQ(fetch(0, t0, {"q", "elsewhere"}).next_due, t0 + 1s);
  EXPECT_FALSE(fetch(0, t0).next_due);
}

TEST_P(store_contract, suspended_jobs_are_left_alone) {
  const job_id job = insert({.queue = "q", .worker = "w", .scheduled_at = t0});
  database->execute("UPDATE oban_jobs SET state = 'suspended'");
  EXPECT_TRUE(fetched(10, t0 + 60s, queues).empty());
  EXPECT_EQ(read(job).state, state::suspended);
}

// -- Duties

TEST_P(store_contract, jobs_of_nodes_that_do_not_live_are_orphans) {
  const node_identity mine{.name = "n1", .id = "11111111-1111-7111-8111-111111111111"};
  write(start_of(1));
  const job_row job = fetch_one();
  const auto orphans = [&](time_point now, const std::vector<std::string>& from = queues) {
    return two->find_orphans(from, now, 10).value();
  };
  EXPECT_EQ(orphans(t0).size(), 1U) << "a node that never beat isn't alive";
  ASSERT_TRUE(one->beat({.node = mine, .now = t0, .expires_at = t0 + 10s}));
  EXPECT_TRUE(orphans(t0 + 9s).empty());
  EXPECT_EQ(orphans(t0 + 10s).size(), 1U);
  ASSERT_TRUE(one->beat({.node = mine, .now = t0 + 9s, .expires_at = t0 + 19s}));
  EXPECT_TRUE(orphans(t0 + 10s).empty());
  ASSERT_TRUE(one->remove_node(mine));
  const auto found = orphans(t0 + 10s);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].job.id, job.id);
  EXPECT_TRUE(found[0].run);
  EXPECT_TRUE(orphans(t0 + 10s, {"elsewhere"}).empty());
  EXPECT_TRUE(two->find_orphans(queues, t0 + 10s, 0).value().empty());
}

TEST_P(store_contract, runs_whose_job_is_gone_get_a_new_one) {
  for (std::uint8_t run = 1; run <= 6; ++run) write(start_of(run));
  const auto job_of = [&](std::uint8_t run) { return to_string(*one->read_run(id_of(run)).value().run.job); };
  database->execute("DELETE FROM oban_jobs WHERE id = " + job_of(1));
  database->execute("UPDATE oban_jobs SET state = 'discarded' WHERE id = " + job_of(2));
  database->execute("UPDATE oban_jobs SET state = 'completed' WHERE id = " + job_of(3));
  database->execute("UPDATE oban_jobs SET state = 'retryable' WHERE id = " + job_of(4));
  database->execute("UPDATE squid_mesh_runs SET status = 'completed', ended_at = started_at WHERE job_id = " +
                    job_of(5));
  database->execute("DELETE FROM oban_jobs WHERE id = " + job_of(5));

  EXPECT_EQ(two->mend_runs("q", t0 + 1s, 2), 2U);
  EXPECT_EQ(two->mend_runs("q", t0 + 1s, 10), 1U);
  EXPECT_EQ(two->mend_runs("q", t0 + 1s, 10), 0U);
  for (std::uint8_t run = 1; run <= 3; ++run) {
    const job_row job = read(*one->read_run(id_of(run)).value().run.job);
    EXPECT_EQ(job.state, state::available);
    EXPECT_EQ(json::parse(job.args).at("run_id"), to_string(id_of(run)));
  }
}

TEST_P(store_contract, finished_jobs_are_pruned_by_the_time_of_their_end) {
  std::vector<job_id> ids;
  for (const change end : {change::finish, change::discard, change::cancel}) {
    insert();
    const job_row job = fetch_one();
    change_job(job, {.is = end}, t0 + 10s);
    ids.push_back(job.id);
  }
  const job_id available = insert();
  const auto prune = [&](const std::vector<std::string>& from, time_point before, std::size_t limit = 100) {
    return two->prune_jobs(from, before, limit).value();
  };
  EXPECT_EQ(prune(queues, t0 + 10s), 0U) << "the beginning was long ago, the end was not";
  EXPECT_EQ(prune({"elsewhere"}, t0 + 60s), 0U);
  EXPECT_EQ(prune(queues, t0 + 60s, 2), 2U);
  EXPECT_EQ(prune(queues, t0 + 60s), 1U);
  for (const job_id id : ids) EXPECT_EQ(one->read_job(id).error().code, errc::not_found);
  EXPECT_TRUE(one->read_job(available));
}

TEST_P(store_contract, changes_by_others_are_noticed) {
  static_cast<void>(one->changed_by_others(queues));
  write(start_of(1));
  const commit theirs = start_of(2);
  ASSERT_TRUE(two->write({.now = t0, .commits = {&theirs}}));
  EXPECT_TRUE(one->changed_by_others(queues));
}

TEST_P(store_contract, jobs_are_listed_newest_first_and_filtered) {
  const job_id a = insert({.queue = "q", .worker = "x"});
  const job_id b = insert({.queue = "q", .worker = "y", .scheduled_at = t0});
  const job_id c = insert({.queue = "r", .worker = "x"});
  const auto list = [&](const jobs::job_filter& filter) {
    const auto listed = two->list_jobs(filter).value();
    std::vector<job_id> found;
    found.reserve(listed.size());
    for (const job_row& job : listed) found.push_back(job.id);
    return found;
  };
  EXPECT_EQ(list({}), (std::vector{c, b, a}));
  EXPECT_EQ(list({.limit = 1}), std::vector{c});
  EXPECT_EQ(list({.queue = "q"}), (std::vector{b, a}));
  EXPECT_EQ(list({.worker = "x"}), (std::vector{c, a}));
  EXPECT_EQ(list({.states = {state::scheduled, state::executing}}), std::vector{b});
}

// -- Commands on jobs

TEST_P(store_contract, what_has_not_ended_can_be_cancelled) {
  const job_id job = insert();
  for (const char* from : {"available", "suspended", "scheduled", "executing", "retryable"}) {
    database->execute(std::string("UPDATE oban_jobs SET state = '") + from + "', cancelled_at = NULL");
    EXPECT_EQ(two->cancel_job(job, t0 + 1s), true) << from;
    EXPECT_EQ(read(job).state, state::cancelled);
    EXPECT_EQ(read(job).cancelled_at, t0 + 1s);
  }
  for (const char* from : {"completed", "discarded", "cancelled"}) {
    database->execute(std::string("UPDATE oban_jobs SET state = '") + from + "'");
    EXPECT_EQ(two->cancel_job(job, t0 + 2s), false) << from;
    EXPECT_EQ(to_string(read(job).state), from);
  }
}

TEST_P(store_contract, what_does_not_run_can_be_retried) {
  const job_id job = insert({.queue = "q", .worker = "w", .max_attempts = 3});
  for (const char* from : {"suspended", "scheduled", "retryable", "completed", "discarded", "cancelled"}) {
    database->execute(std::string("UPDATE oban_jobs SET attempt = 3, max_attempts = 3, state = '") + from +
                      "', completed_at = inserted_at, discarded_at = inserted_at, cancelled_at = inserted_at");
    EXPECT_EQ(two->retry_job(job, t0 + 5s), true) << from;
    const job_row after = read(job);
    EXPECT_EQ(after.state, state::available);
    EXPECT_EQ(after.max_attempts, 4);
    EXPECT_EQ(after.scheduled_at, t0 + 5s);
    EXPECT_FALSE(after.completed_at || after.discarded_at || after.cancelled_at);
  }
  database->execute("UPDATE oban_jobs SET attempt = 0, max_attempts = 3, state = 'cancelled'");
  EXPECT_EQ(two->retry_job(job, t0), true);
  EXPECT_EQ(read(job).max_attempts, 3) << "there were attempts left";
  for (const char* from : {"available", "executing"}) {
    database->execute(std::string("UPDATE oban_jobs SET state = '") + from + "'");
    EXPECT_EQ(two->retry_job(job, t0), false) << from;
  }
}

TEST_P(store_contract, a_job_cancelled_while_it_runs_is_no_longer_the_workers) {
  insert();
  const job_row job = fetch_one();
  const std::vector<job_id> asked{job.id, {99}};
  EXPECT_EQ(one->not_executing(asked), std::vector{job_id{99}});
  ASSERT_EQ(two->cancel_job(job.id, t0), true);
  EXPECT_EQ(one->not_executing(asked), asked);
  EXPECT_FALSE(change_job(job, {.is = change::finish}).applied);
  EXPECT_EQ(read(job.id).state, state::cancelled);
}

}  // namespace
}  // namespace squid_mesh::testing
