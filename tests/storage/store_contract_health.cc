// What is read to find out what is wrong: samples of bounded size, the same on every backend.
#include "storage/store_contract.h"

namespace squid_mesh::testing {
namespace {

health look(storage::store& at, time_point now = t0, const health_bounds& bounds = {}) {
  return must(at.read_health(now, bounds));
}

TEST_P(store_contract, nodes_say_on_which_queues_they_work) {
  const node_identity node{.name = "n1", .id = "11111111-1111-7111-8111-111111111111"};
  const std::vector<node_queue> works{{"mail", 5, 7}, {"q", 10}};
  must(one->beat({.node = node, .now = t0, .expires_at = t0 + 10s, .queues = works}));
  must(one->beat({.node = node, .now = t0 + 1s, .expires_at = t0 + 11s, .queues = works}));
  EXPECT_EQ(must(two->list_nodes()).at(0).queues, works);
  database->execute("UPDATE squid_mesh_nodes SET queues = NULL");
  EXPECT_TRUE(must(two->list_nodes()).at(0).queues.empty()) << "an earlier version says nothing";
}

TEST_P(store_contract, server_says_what_it_is) {
  const server_health server = must(one->read_server());
  EXPECT_TRUE(server.product.starts_with("PostgreSQL 1") || server.product.starts_with("SQLite 3.")) << server.product;
  EXPECT_FALSE(server.is_read_only);
  EXPECT_NE(must(one->test_hearing()), storage::hearing::unknown);
}

TEST_P(store_contract, health_counts_due_jobs_up_to_a_bound) {
  EXPECT_TRUE(look(*one).due.empty());
  for (int i = 0; i < 3; ++i) insert({.queue = "q", .worker = "plain", .priority = i}, t0 + std::chrono::seconds(i));
  insert({.queue = "q", .worker = "plain", .scheduled_at = t0 - 1min});
  insert({.queue = "q", .worker = "plain", .scheduled_at = t0 + 1h});
  insert(run_job({.run = id_of(1)}, "ours"));
  const auto due = look(*two, t0 + 10s).due;
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].queue, "ours");
  EXPECT_TRUE(due[0].is_ours);
  EXPECT_EQ(due[1].count, 4U) << "those that are staged yet, and those that would be";
  EXPECT_EQ(due[1].since, t0 - 1min);
  EXPECT_EQ(due[1].worker, "plain");
  EXPECT_FALSE(due[1].is_ours);
  EXPECT_FALSE(due[1].has_more);
  insert({.queue = "q", .worker = "plain"}, t0);
  insert({.queue = "q", .worker = "plain"}, t0);
  const auto bounded = look(*two, t0 + 10s, {.jobs_of_one = 2}).due.at(1);
  EXPECT_TRUE(bounded.has_more);
  EXPECT_LT(bounded.count, 6U);
}

TEST_P(store_contract, health_tells_who_holds_jobs) {
  insert();
  insert();
  ASSERT_EQ(fetch(10, t0 + 1s).claimed.size(), 2U);
  const auto held = look(*two, t0 + 2s).held;
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].queue, "q");
  EXPECT_EQ(held[0].holder.name, "n1");
  EXPECT_EQ(held[0].holder.id, "11111111-1111-7111-8111-111111111111");
  EXPECT_EQ(held[0].count, 2U);
  EXPECT_EQ(held[0].since, t0 + 1s);
  EXPECT_FALSE(held[0].is_ours);
}

TEST_P(store_contract, health_tells_of_jobs_that_failed) {
  insert();
  insert();
  const auto jobs = fetch(10).claimed;
  change_job(jobs.at(0).job, {.is = change::discard, .reason = "boom"}, t0 + 3s);
  change_job(jobs.at(1).job, {.is = change::retry, .at = t0 + 1h, .reason = "bang"}, t0 + 3s);
  const auto troubled = look(*two, t0 + 4s).troubled;
  ASSERT_EQ(troubled.size(), 2U);
  EXPECT_EQ(troubled[0].id, jobs.at(1).job.id) << "the newest first";
  EXPECT_EQ(troubled[0].state, state::retryable);
  EXPECT_EQ(troubled[0].at, t0 + 1h);
  EXPECT_EQ(troubled[1].state, state::discarded);
  EXPECT_EQ(troubled[1].at, t0 + 3s);
  EXPECT_NE(troubled[1].errors.find("boom"), std::string::npos) << troubled[1].errors;
}

TEST_P(store_contract, health_tells_of_runs_and_of_those_that_nothing_drives) {
  for (std::uint8_t n = 1; n <= 3; ++n) write(start_of(n));
  const job_row job = fetch_one();
  write(step_of(job, {.is = change::snooze, .at = t0 + 1min},
                facts_of(1, {{.seq = 1, .kind = fact_kind::step_parked, .step = "a", .at = t0, .node = "n1"}})));
  const health before = look(*two);
  ASSERT_EQ(before.live.size(), 3U);
  EXPECT_EQ(before.live[0].run, id_of(1));
  EXPECT_TRUE(before.live[0].parked);
  EXPECT_FALSE(before.live[1].parked);
  EXPECT_FALSE(before.has_more_live);
  EXPECT_TRUE(before.lost.empty());
  const auto second = must(one->jobs_of_run(id_of(2))).at(0).id;
  ASSERT_TRUE(must(one->cancel_job(second, t0)));
  database->execute("DELETE FROM oban_jobs WHERE id = " + to_string(must(one->jobs_of_run(id_of(3))).at(0).id));
  const health after = look(*two);
  ASSERT_EQ(after.lost.size(), 2U);
  EXPECT_EQ(after.lost[0].run, id_of(2));
  EXPECT_EQ(after.lost[0].job, second);
  EXPECT_EQ(after.lost[0].state, state::cancelled);
  EXPECT_EQ(after.lost[1].run, id_of(3));
  EXPECT_FALSE(after.lost[1].state);
  const health bounded = look(*two, t0, {.runs = 2});
  EXPECT_EQ(bounded.live.size(), 2U);
  EXPECT_TRUE(bounded.has_more_live);
  EXPECT_EQ(bounded.lost.size(), 1U) << "of those that were looked at";
}

TEST_P(store_contract, health_tells_of_schedules_and_paused_queues) {
  must(one->put_schedule(
      {.workflow = "w", .trigger = "t", .expression = "0 2 * * *", .timezone = "Etc/UTC", .next_at = t0 + 1h}, "q",
      t0));
  must(one->set_paused("q", true, t0 + 1s));
  const health seen = look(*two);
  ASSERT_EQ(seen.schedules.size(), 1U);
  EXPECT_EQ(seen.schedules[0].is.next_at, t0 + 1h);
  EXPECT_EQ(seen.schedules[0].queue, "q");
  EXPECT_TRUE(seen.schedules[0].has_job);
  ASSERT_EQ(seen.paused.size(), 1U);
  EXPECT_EQ(seen.paused[0].queue, "q");
  EXPECT_EQ(seen.paused[0].since, t0 + 1s);
  database->execute("DELETE FROM oban_jobs");
  EXPECT_FALSE(look(*two).schedules.at(0).has_job);
}

TEST_P(store_contract, is_not_migrated_where_that_is_not_wanted) {
  const auto old = GetParam().make();
  old->migrate_to(1);
  const auto refused = storage::open(old->url(), {.migrate = false});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::schema_mismatch);
  EXPECT_EQ(refused.error().kind, "schema_too_old");
  EXPECT_EQ(must(storage::read_schema(old->url())).present, 1);
  ASSERT_TRUE(storage::open(old->url()));
  EXPECT_TRUE(must(storage::read_schema(old->url())).is_up_to_date());
  EXPECT_TRUE(storage::open(old->url(), {.migrate = false}));
}

}  // namespace
}  // namespace squid_mesh::testing
