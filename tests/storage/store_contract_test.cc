// What every backend has to do behind the seam of storage/store.h. Two stores on one database act as two processes.
#include "storage/sqlite_database.h"

#include <squid_mesh/json.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using change = job_change::kind;
using jobs::state;

constexpr time_point t0{std::chrono::seconds(1'800'000'000)};
const std::string me = R"(["n1","11111111-1111-7111-8111-111111111111"])";
const std::string other = R"(["n2","22222222-2222-7222-8222-222222222222"])";
const std::vector<std::string> queues{"q"};

run_id id_of(std::uint8_t n) {
  run_id id;
  id.value.bytes[0] = 1;
  id.value.bytes[15] = n;
  return id;
}

commit start_of(std::uint8_t n, const std::string& workflow = "w", time_point at = t0) {
  commit start;
  start.run = id_of(n);
  start.start = run_record{.id = start.run,
                           .workflow = workflow,
                           .definition = "f",
                           .trigger = "manual",
                           .payload = R"({"n":1})",
                           .started_at = at};
  start.inserts.push_back(
      {.queue = "q", .worker = "squid_mesh.run", .args = json{{"run_id", to_string(start.run)}}.dump()});
  return start;
}

fact completed(std::int64_t seq, const std::string& step = "a", const std::string& data = "{}") {
  return {.seq = seq,
          .kind = fact_kind::step_completed,
          .step = step,
          .at = t0 + 2s,
          .started_at = t0 + 1s,
          .node = "n1",
          .data = data};
}

commit facts_of(std::uint8_t run, std::vector<fact> facts) { return {.run = id_of(run), .facts = std::move(facts)}; }

delivery held(const job_row& job) {
  return {.job = job.id, .attempt = job.attempt, .holder = job.holder, .uncounted_attempt = job.attempt - 1};
}

class store_contract : public ::testing::TestWithParam<backend> {
 protected:
  /// Writes as the first process.
  storage::batch_outcome write(const std::vector<commit>& commits, time_point now = t0) {
    storage::batch what{.now = now};
    for (const commit& next : commits) what.commits.push_back(&next);
    return one->write(what).value();
  }
  commit_outcome write(const commit& what, time_point now = t0) { return write(std::vector{what}, now).commits.at(0); }

  job_id insert(job_insert job, time_point now = t0) {
    commit what;
    what.inserts.push_back(std::move(job));
    return write(what, now).inserted.at(0);
  }
  job_id insert() { return insert({.queue = "q", .worker = "plain"}); }

  storage::batch_outcome fetch(std::size_t limit = 10, time_point now = t0, std::vector<std::string> stage = {}) {
    return one->write({.now = now, .stage = std::move(stage), .claims = {{"q", limit}}, .attempted_by = me}).value();
  }
  std::vector<job_id> fetched(std::size_t limit = 10, time_point now = t0, std::vector<std::string> stage = {}) {
    std::vector<job_id> ids;
    for (const auto& claimed : fetch(limit, now, std::move(stage)).claimed) ids.push_back(claimed.job.id);
    return ids;
  }
  job_row fetch_one(time_point now = t0) { return fetch(1, now).claimed.at(0).job; }

  commit_outcome change_job(const job_row& job, job_change what, time_point now = t0) {
    return write({.job = held(job), .change = std::move(what)}, now);
  }
  job_row read(job_id id) { return one->read_job(id).value(); }

  std::unique_ptr<test_database> database = GetParam().make();
  std::unique_ptr<storage::store> one = database->open();
  std::unique_ptr<storage::store> two = database->open();
};

// -- Runs and the fence

TEST_P(store_contract, a_start_creates_the_run_and_its_job) {
  const auto outcome = write(start_of(1));
  EXPECT_TRUE(outcome.applied);
  const auto found = two->read_run(id_of(1));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->run.id, id_of(1));
  EXPECT_EQ(found->run.workflow, "w");
  EXPECT_EQ(found->run.definition, "f");
  EXPECT_EQ(found->run.trigger, "manual");
  EXPECT_EQ(found->run.payload, R"({"n":1})");
  EXPECT_EQ(found->run.started_at, t0);
  EXPECT_EQ(found->run.job, outcome.inserted.at(0));
  EXPECT_EQ(found->run.status, run_status::pending);
  EXPECT_TRUE(found->facts.empty());
  const job_row job = two->read_job(outcome.inserted[0]).value();
  EXPECT_EQ(job.state, state::available);
  EXPECT_EQ(job.inserted_at, t0);
  EXPECT_EQ(job.scheduled_at, t0);
  EXPECT_EQ(json::parse(job.args).at("run_id"), to_string(id_of(1)));
}

TEST_P(store_contract, facts_are_read_back_as_they_were_written) {
  write(start_of(1));
  const fact first = completed(1, "a", R"({"text":"caf\u00e9"})");
  const fact second{.seq = 2, .kind = fact_kind::wait_started, .step = "b", .at = t0 + 3s, .node = "n", .data = "{}"};
  write(facts_of(1, {first, second}));
  const auto facts = two->read_run(id_of(1)).value().facts;
  ASSERT_EQ(facts.size(), 2U);
  EXPECT_EQ(facts[0].seq, 1);
  EXPECT_EQ(facts[0].kind, fact_kind::step_completed);
  EXPECT_EQ(facts[0].step, "a");
  EXPECT_EQ(facts[0].at, first.at);
  EXPECT_EQ(facts[0].started_at, first.started_at);
  EXPECT_EQ(facts[0].node, "n1");
  EXPECT_EQ(facts[0].data, first.data);
  EXPECT_EQ(facts[1].kind, fact_kind::wait_started);
  EXPECT_FALSE(facts[1].started_at);
}

TEST_P(store_contract, the_second_writer_of_a_place_is_refused_whole_and_harms_nobody) {
  write({start_of(1), start_of(2)});
  const job_row job = fetch_one();
  const commit winner = facts_of(1, {completed(1, "won")});
  ASSERT_TRUE(two->write({.now = t0, .commits = {&winner}}).value().commits[0].applied);

  commit loser = facts_of(1, {completed(1, "lost"), completed(2, "lost too")});
  loser.status = status_change{.status = run_status::completed, .ended_at = t0};
  loser.job = held(job);
  loser.change.is = change::finish;
  loser.inserts.push_back({.queue = "q", .worker = "never"});
  const auto outcome = write({facts_of(2, {completed(1)}), loser, facts_of(2, {completed(2)})});

  EXPECT_TRUE(outcome.commits[0].applied);
  EXPECT_FALSE(outcome.commits[1].applied);
  EXPECT_TRUE(outcome.commits[2].applied);
  const journal run = one->read_run(id_of(1)).value();
  ASSERT_EQ(run.facts.size(), 1U);
  EXPECT_EQ(run.facts[0].step, "won");
  EXPECT_EQ(run.run.status, run_status::pending);
  EXPECT_EQ(read(job.id).state, state::executing);
  EXPECT_TRUE(one->list_jobs({.worker = "never"}).value().empty());
  EXPECT_EQ(one->read_run(id_of(2)).value().facts.size(), 2U);
}

TEST_P(store_contract, two_writers_in_one_batch_are_fenced_too) {
  write(start_of(1));
  const auto outcome = write({facts_of(1, {completed(1, "first")}), facts_of(1, {completed(1, "second")})});
  EXPECT_TRUE(outcome.commits[0].applied);
  EXPECT_FALSE(outcome.commits[1].applied);
}

TEST_P(store_contract, many_threads_write_a_journal_without_gap_or_double) {
  write(start_of(1));
  std::atomic<int> applied = 0;
  const auto race = [&](storage::store& store) {
    for (int seq = 1; seq <= 20; ++seq) {
      const commit next = facts_of(1, {completed(seq)});
      const auto outcome = store.write({.now = t0, .commits = {&next}});
      if (outcome && outcome->commits[0].applied) ++applied;
    }
  };
  {
    const std::jthread a([&] { race(*one); });
    const std::jthread b([&] { race(*two); });
  }
  EXPECT_EQ(applied, 20);
  EXPECT_EQ(one->read_run(id_of(1)).value().facts.size(), 20U);
}

TEST_P(store_contract, a_status_change_is_seen_with_its_end) {
  write(start_of(1));
  commit end = facts_of(1, {completed(1)});
  end.status = status_change{.status = run_status::completed, .ended_at = t0 + 5s};
  write(end);
  const run_record run = two->read_run(id_of(1)).value().run;
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.ended_at, t0 + 5s);
  EXPECT_EQ(two->read_status(id_of(1)), run_status::completed);
}

TEST_P(store_contract, every_status_can_be_stored) {
  write(start_of(1));
  using enum run_status;
  for (const run_status status : {pending, running, retrying, paused, failed, completed, cancelling, cancelled}) {
    commit next{.run = id_of(1), .status = status_change{.status = status}};
    if (is_terminal(status)) next.status->ended_at = t0;
    write(next);
    EXPECT_EQ(one->read_run(id_of(1)).value().run.status, status) << to_string(status);
  }
  EXPECT_ANY_THROW(database->execute("UPDATE squid_mesh_runs SET status = 'dreaming', ended_at = NULL"));
}

TEST_P(store_contract, a_failing_commit_takes_its_batch_with_it) {
  const commit good = start_of(1);
  commit bad{.run = id_of(1), .status = status_change{.status = run_status::completed}};  // An end without its time.
  EXPECT_FALSE(one->write({.now = t0, .commits = {&good, &bad}}));
  EXPECT_FALSE(two->read_run(id_of(1)));
  EXPECT_TRUE(write(good).applied) << "the store goes on";
}

TEST_P(store_contract, whether_a_commit_was_applied_can_be_looked_up) {
  const commit start = start_of(1);
  EXPECT_EQ(one->was_applied(start), false);
  write(start);
  EXPECT_EQ(two->was_applied(start), true);
  EXPECT_EQ(two->was_applied(facts_of(1, {completed(1, "mine")})), false);
  write(facts_of(1, {completed(1, "mine")}));
  EXPECT_EQ(two->was_applied(facts_of(1, {completed(1, "mine")})), true);
  EXPECT_EQ(two->was_applied(facts_of(1, {completed(1, "somebody else's")})), false);
  EXPECT_EQ(two->was_applied(facts_of(2, {completed(1, "mine")})), false);
}

TEST_P(store_contract, what_does_not_exist_is_not_found) {
  EXPECT_EQ(one->read_run(id_of(9)).error().code, errc::not_found);
  EXPECT_EQ(one->read_status(id_of(9)).error().code, errc::not_found);
  EXPECT_EQ(one->read_job({99}).error().code, errc::not_found);
  EXPECT_EQ(one->get_definition("none").error().code, errc::not_found);
  EXPECT_EQ(one->cancel_job({99}, t0), false);
  EXPECT_EQ(one->retry_job({99}, t0), false);
}

TEST_P(store_contract, a_definition_may_be_put_twice) {
  ASSERT_TRUE(one->put_definition("f", "w", "1", "{}", t0));
  ASSERT_TRUE(two->put_definition("f", "w", "1", "{}", t0 + 1s));
  EXPECT_EQ(one->get_definition("f"), "{}");
}

// -- The delivery's fence

TEST_P(store_contract, a_lost_job_is_reported_and_facts_are_taken_all_the_same) {
  write(start_of(1));
  const job_row mine = fetch_one();
  for (const std::function<void(delivery&)>& differ : std::vector<std::function<void(delivery&)>>{
           [](delivery& d) { ++d.attempt; }, [](delivery& d) { d.holder = other; },
           [](delivery& d) { d.job = {99}; }}) {
    commit job_only{.job = held(mine), .change = {.is = change::finish}};
    differ(*job_only.job);
    job_only.inserts.push_back({.queue = "q", .worker = "never"});
    const auto refused = write(job_only);
    EXPECT_FALSE(refused.applied);
    EXPECT_TRUE(refused.job_lost);
    EXPECT_EQ(read(mine.id).state, state::executing);
    EXPECT_TRUE(one->list_jobs({.worker = "never"}).value().empty());
  }
  commit with_facts = facts_of(1, {completed(1)});
  with_facts.job = held(mine);
  with_facts.job->holder = other;
  with_facts.change.is = change::finish;
  const auto taken = write(with_facts);
  EXPECT_TRUE(taken.applied);
  EXPECT_TRUE(taken.job_lost);
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
  database->execute("UPDATE squid_mesh_runs SET status = 'completed', ended_at = 1 WHERE job_id = " + job_of(5));
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
  static_cast<void>(one->changed_by_others());
  write(start_of(1));
  const commit theirs = start_of(2);
  ASSERT_TRUE(two->write({.now = t0, .commits = {&theirs}}));
  EXPECT_TRUE(one->changed_by_others());
}

// -- Lists

TEST_P(store_contract, runs_are_listed_newest_first_and_filtered) {
  for (std::uint8_t run = 1; run <= 4; ++run) write(start_of(run, run % 2 == 0 ? "even" : "odd", t0 + run * 1s));
  write({.run = id_of(2), .status = status_change{.status = run_status::completed, .ended_at = t0}});
  write({.run = id_of(3), .status = status_change{.status = run_status::running}});
  const auto list = [&](const run_filter& filter, std::optional<run_id> older_than = {}) {
    std::vector<int> found;
    const auto listed = two->list_runs(filter, older_than).value();
    for (const run_record& run : listed) found.push_back(run.id.value.bytes[15]);
    return found;
  };
  using ids = std::vector<int>;
  EXPECT_EQ(list({}), (ids{4, 3, 2, 1}));
  EXPECT_EQ(list({.limit = 2}), (ids{4, 3}));
  EXPECT_EQ(list({.limit = 2}, id_of(3)), (ids{2, 1}));
  EXPECT_EQ(list({.workflow = "even"}), (ids{4, 2}));
  EXPECT_EQ(list({.statuses = {run_status::completed}}), ids{2});
  EXPECT_EQ(list({.statuses = {run_status::pending}}), (ids{4, 1}));
  EXPECT_EQ(list({.statuses = {run_status::completed, run_status::running}}), (ids{3, 2}));
  EXPECT_EQ(list({.started_from = t0 + 2s, .started_before = t0 + 4s}), (ids{3, 2}));
  EXPECT_EQ(list({.workflow = "odd", .statuses = {run_status::pending}, .started_before = t0 + 4s}), ids{1});
}

TEST_P(store_contract, a_pending_run_whose_job_executes_is_shown_as_running) {
  write(start_of(1));
  EXPECT_EQ(one->read_status(id_of(1)), run_status::pending);
  fetch_one();
  EXPECT_EQ(two->read_status(id_of(1)), run_status::running);
  const run_record run = two->read_run(id_of(1)).value().run;
  EXPECT_EQ(run.status, run_status::pending);
  EXPECT_EQ(run.shown_status, run_status::running);
  EXPECT_EQ(two->list_runs({.statuses = {run_status::running}}, {}).value().size(), 1U);
  EXPECT_TRUE(two->list_runs({.statuses = {run_status::pending}}, {}).value().empty());
}

TEST_P(store_contract, jobs_are_listed_newest_first_and_filtered) {
  const job_id a = insert({.queue = "q", .worker = "x"});
  const job_id b = insert({.queue = "q", .worker = "y", .scheduled_at = t0});
  const job_id c = insert({.queue = "r", .worker = "x"});
  const auto list = [&](const jobs::job_filter& filter) {
    std::vector<job_id> found;
    const auto listed = two->list_jobs(filter).value();
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

// -- Views for other tools

TEST_P(store_contract, the_views_agree_with_the_journal) {
  write(start_of(1));
  const auto at = [](std::int64_t seq, fact_kind kind, const char* step, const char* data) {
    return fact{.seq = seq, .kind = kind, .step = step, .at = t0, .started_at = t0, .node = "n", .data = data};
  };
  fact wait = at(6, fact_kind::wait_started, "b", R"({"until":1})");
  wait.started_at.reset();
  write(facts_of(
      1, {at(1, fact_kind::step_failed, "a", R"({"error":{"code":"step_failed","message":"no"}})"),
          at(2, fact_kind::step_failed, "a", R"({"error":{"code":"timeout","message":"slow"}})"),
          at(3, fact_kind::attempt_lost, "a", R"({"error":{"code":"interrupted","message":"died"}})"),
          at(4, fact_kind::attempt_interrupted, "a", ""), at(5, fact_kind::step_completed, "a", R"({"x":1})"), wait}));
  const auto column = [&](const std::string& name) {
    return database->query("SELECT group_concat(" + name + ", ',') FROM squid_mesh_attempts");
  };
  EXPECT_EQ(column("status"), "failed,timed_out,lost,interrupted,completed");
  EXPECT_EQ(column("attempt"), "1,2,3,4,5");
  EXPECT_EQ(column("coalesce(error, '-')"), "no,slow,died,-,-");
  EXPECT_EQ(database->query("SELECT group_concat(step || output) FROM squid_mesh_steps"), R"(a{"x":1})");
  EXPECT_EQ(database->query("SELECT status FROM squid_mesh_run_states"), "pending");
  fetch_one();
  EXPECT_EQ(database->query("SELECT status FROM squid_mesh_run_states"), "running");
}

// -- Opening

TEST_P(store_contract, many_may_open_the_same_new_database_at_once) {
  const auto fresh = GetParam().make();
  std::atomic<int> opened = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        if (storage::open(fresh->url())) ++opened;
      });
    }
  }
  EXPECT_EQ(opened, 6);
  EXPECT_EQ(fresh->query("SELECT count(*) - count(DISTINCT version) FROM squid_mesh_migrations"), "0");
}

TEST_P(store_contract, a_database_of_a_newer_version_is_refused) {
  database->execute("INSERT INTO squid_mesh_migrations (version, name) VALUES (1000000, 'from the future')");
  const auto refused = storage::open(database->url());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::schema_mismatch);
}

TEST_P(store_contract, the_hosts_own_tables_are_left_alone) {
  const auto hosts = GetParam().make();
  hosts->execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, text TEXT)");
  hosts->execute("INSERT INTO orders (id, text) VALUES (1, 'mine')");
  const auto store = hosts->open();
  const commit start = start_of(1);
  ASSERT_TRUE(store->write({.now = t0, .commits = {&start}}));
  EXPECT_EQ(hosts->query("SELECT text FROM orders"), "mine");
}

INSTANTIATE_TEST_SUITE_P(backends, store_contract,
                         ::testing::Values(backend{"sqlite_file", [] { return std::make_unique<sqlite_file>(); }},
                                           backend{"sqlite_memory", [] { return std::make_unique<sqlite_memory>(); }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace squid_mesh::testing
