// What every backend has to do behind the seam of storage/store.h: runs, journals, views, opening. The part about jobs
// is in store_contract_jobs.cc.
#include "storage/store_contract.h"

#include "base/uuid_v7.h"
#include "storage/backends.h"

namespace squid_mesh::testing {
namespace {

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
  loser.jobs.push_back({.whose = held(job), .change = {.is = change::finish}});
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

TEST_P(store_contract, outcomes_are_in_the_order_of_their_commits) {
  write(start_of(1));
  const job_row carried = fetch_one();
  database->execute("UPDATE oban_jobs SET attempt = attempt + 1");
  const auto keyed = [](std::uint8_t n) {
    commit start = start_of(n);
    start.start->start_key = "k";
    return start;
  };
  commit plain;
  plain.inserts.push_back({.queue = "plain", .worker = "w"});
  const std::vector<commit> all{keyed(2),
                                start_of(3),
                                plain,
                                step_of(carried, {.is = change::finish}, facts_of(1, {completed(1)})),
                                keyed(4),
                                start_of(5),
                                facts_of(1, {completed(2)}),
                                facts_of(1, {completed(2, "late")})};
  const auto made = write(all).commits;
  ASSERT_EQ(made.size(), all.size());
  const std::vector<bool> expected{true, true, true, true, false, true, true, false};
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(made[i].applied, expected[i]) << i;
    if (!expected[i] || all[i].inserts.empty()) continue;
    ASSERT_EQ(made[i].inserted.size(), 1U) << i;
    EXPECT_EQ(json::parse(read(made[i].inserted[0]).args), json::parse(all[i].inserts[0].args)) << i;
  }
  EXPECT_EQ(made[3].lost, std::vector{carried.id}) << "somebody has taken it";
  EXPECT_EQ(two->read_run(id_of(1)).value().facts.size(), 2U);
  EXPECT_EQ(database->query("SELECT count(*) FROM oban_jobs"), "5") << "one for each run, and the plain one";
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
  const commit bad{.run = id_of(1),
                   .status = status_change{.status = run_status::completed}};  // An end without its time.
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

TEST_P(store_contract, definitions_are_listed_the_newest_of_each_first) {
  ASSERT_TRUE(one->put_definition("f1", "w", "1", "{}", t0));
  ASSERT_TRUE(one->put_definition("f2", "w", "2", "{}", t0 + 1s));
  ASSERT_TRUE(one->put_definition("f3", "a", "1", "{}", t0 + 2s));
  const auto names = [&](std::string_view of) {
    std::vector<std::string> found;
    for (const auto& each : must(two->list_definitions(of))) found.push_back(each.name + " " + each.fingerprint);
    return found;
  };
  EXPECT_EQ(names(""), (std::vector<std::string>{"a f3", "w f2", "w f1"}));
  EXPECT_EQ(names("w"), (std::vector<std::string>{"w f2", "w f1"}));
  EXPECT_TRUE(names("nobody's").empty());
  EXPECT_EQ(must(two->list_definitions("a"))[0].version, "1");
  EXPECT_EQ(must(two->list_definitions("a"))[0].added_at, t0 + 2s);
}

TEST_P(store_contract, nodes_are_listed_while_they_are_there) {
  const node_identity first{.name = "n1", .id = "11111111-1111-7111-8111-111111111111"};
  const node_identity second{.name = "n2", .id = "22222222-2222-7222-8222-222222222222"};
  must(one->beat({.node = first, .now = t0, .expires_at = t0 + 10s}));
  must(one->beat({.node = second, .now = t0 + 1s, .expires_at = t0 + 11s}));
  must(one->beat({.node = first, .now = t0 + 5s, .expires_at = t0 + 15s}));
  auto nodes = must(two->list_nodes());
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes[0].node.name, "n1") << "heard of last";
  EXPECT_EQ(nodes[1].node.id, second.id);
  ASSERT_TRUE(one->remove_node(first));
  EXPECT_EQ(must(two->list_nodes()).size(), 1U);
}

TEST_P(store_contract, a_heartbeat_takes_along_nodes_that_have_been_dead_for_long) {
  const node_identity mine{.name = "n1", .id = "11111111-1111-7111-8111-111111111111"};
  const node_identity dead{.name = "n2", .id = "22222222-2222-7222-8222-222222222222"};
  must(one->beat({.node = mine, .now = t0, .expires_at = t0 + 10s}));
  must(one->beat({.node = dead, .now = t0, .expires_at = t0 + 10s}));
  must(one->beat({.node = mine, .now = t0 + 60s, .expires_at = t0 + 70s, .forgets_before = t0 + 10s}));
  EXPECT_EQ(must(two->list_nodes()).size(), 2U) << "it expired then, not before";
  must(one->beat({.node = mine, .now = t0 + 90s, .expires_at = t0 + 100s, .forgets_before = t0 + 10s + 1us}));
  const auto nodes = must(two->list_nodes());
  ASSERT_EQ(nodes.size(), 1U);
  EXPECT_EQ(nodes[0].node.id, mine.id);
  must(one->beat({.node = mine, .now = t0 + 900s, .expires_at = t0 + 910s, .forgets_before = t0 + 800s}));
  EXPECT_EQ(must(two->list_nodes()).size(), 1U) << "who has been silent for long, and beats again, lives";
}

TEST_P(store_contract, a_dead_node_that_holds_a_job_is_not_forgotten) {
  const node_identity holder{.name = "n1", .id = "11111111-1111-7111-8111-111111111111"};
  const node_identity other{.name = "n2", .id = "22222222-2222-7222-8222-222222222222"};
  must(one->beat({.node = holder, .now = t0, .expires_at = t0 + 10s}));
  insert();
  const job_row held = fetch_one();
  const auto left = [&] {
    must(one->beat({.node = other, .now = t0 + 90s, .expires_at = t0 + 100s, .forgets_before = t0 + 80s}));
    return must(two->list_nodes()).size();
  };
  EXPECT_EQ(left(), 2U);
  change_job(held, {.is = change::finish});
  EXPECT_EQ(left(), 1U);
}

TEST_P(store_contract, queues_are_listed_with_what_has_not_ended_on_them) {
  for (int i = 0; i < 3; ++i) insert();
  insert({.queue = "later", .worker = "w", .scheduled_at = t0 + 60s});
  change_job(fetch_one(), {.is = change::finish});
  change_job(fetch_one(), {.is = change::retry, .at = t0 + 9s, .reason = "flaked"});
  ASSERT_TRUE(one->set_paused("empty", true, t0));
  const auto queues_found = must(two->list_queues());
  ASSERT_EQ(queues_found.size(), 3U);
  EXPECT_EQ(queues_found[0].queue, "empty");
  EXPECT_TRUE(queues_found[0].is_paused);
  EXPECT_EQ(queues_found[1].queue, "later");
  EXPECT_EQ(queues_found[1].scheduled, 1U);
  EXPECT_FALSE(queues_found[1].waiting_since);
  EXPECT_EQ(queues_found[2].queue, "q");
  EXPECT_EQ(queues_found[2].available, 1U);
  EXPECT_EQ(queues_found[2].waiting_since, t0);
  EXPECT_EQ(queues_found[2].retryable, 1U);
  EXPECT_EQ(queues_found[2].executing, 0U);
  fetch_one();
  EXPECT_EQ(must(two->list_queues())[2].executing, 1U);
}

// -- Lists

TEST_P(store_contract, runs_are_listed_newest_first_and_filtered) {
  // As the engine makes them, ids say when a run was started.
  const auto id_at = [](std::uint8_t n) {
    run_id id{first_uuid_v7(t0 + n * 1s)};
    id.value.bytes[15] = n;
    return id;
  };
  for (std::uint8_t run = 1; run <= 4; ++run) {
    commit start = start_of(run, run % 2 == 0 ? "even" : "odd", t0 + run * 1s);
    start.run = start.start->id = id_at(run);
    start.inserts[0] = run_job({.run = start.run}, "q");
    write(start);
  }
  write({.run = id_at(2), .status = status_change{.status = run_status::completed, .ended_at = t0}});
  write({.run = id_at(3), .status = status_change{.status = run_status::running}});
  const auto list = [&](const run_filter& filter, std::optional<run_id> older_than = {}) {
    const auto listed = two->list_runs(filter, older_than).value();
    std::vector<int> found;
    found.reserve(listed.size());
    for (const run_record& run : listed) found.push_back(run.id.value.bytes[15]);
    return found;
  };
  using ids = std::vector<int>;
  EXPECT_EQ(list({}), (ids{4, 3, 2, 1}));
  EXPECT_EQ(list({.limit = 2}), (ids{4, 3}));
  EXPECT_EQ(list({.limit = 2}, id_at(3)), (ids{2, 1}));
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
    return database->query("SELECT " + name + " FROM squid_mesh_attempts ORDER BY attempt");
  };
  EXPECT_EQ(column("status"), "failed,timed_out,lost,interrupted,completed");
  EXPECT_EQ(column("attempt"), "1,2,3,4,5");
  EXPECT_EQ(column("coalesce(error, '-')"), "no,slow,died,-,-");
  EXPECT_EQ(database->query("SELECT step || CAST(output AS TEXT) FROM squid_mesh_steps"), R"(a{"x":1})");
  EXPECT_EQ(database->query("SELECT status FROM squid_mesh_run_states"), "pending");
  fetch_one();
  EXPECT_EQ(database->query("SELECT status FROM squid_mesh_run_states"), "running");
}

// PostgreSQL's text can't hold NUL, and a statement that tries to make such a text fails.
TEST_P(store_contract, the_view_of_attempts_can_be_read_where_a_handler_said_nul) {
  write(start_of(1));
  const auto at = [](std::int64_t seq, fact_kind kind, const char* data) {
    return fact{.seq = seq, .kind = kind, .step = "a", .at = t0, .started_at = t0, .node = "n", .data = data};
  };
  write(facts_of(1, {at(1, fact_kind::step_failed, R"({"error":{"code":"timeout","message":"before\u0000after"}})"),
                     at(2, fact_kind::element_completed, R"({"index":7,"output":"\u0000"})"),
                     at(3, fact_kind::step_completed, R"({"output":"\u0000"})"),
                     at(4, fact_kind::step_failed, R"({"error":{"code":"x","message":"C:\\u0000"}})")}));
  EXPECT_EQ(database->query("SELECT status FROM squid_mesh_attempts ORDER BY attempt"),
            "timed_out,completed,completed,failed");
  EXPECT_EQ(database->query("SELECT element FROM squid_mesh_attempts WHERE attempt = 2"), "7");
  EXPECT_EQ(database->query("SELECT count(*) FROM squid_mesh_attempts WHERE error LIKE 'before%'"), "1");
  EXPECT_EQ(database->query("SELECT count(*) FROM squid_mesh_attempts WHERE error LIKE 'C:%'"), "1");
  EXPECT_EQ(two->read_run(id_of(1)).value().facts.at(0).data,
            R"({"error":{"code":"timeout","message":"before\u0000after"}})");
}

// -- Opening

TEST_P(store_contract, many_may_open_the_same_new_database_at_once) {
  const auto fresh = GetParam().make();
  std::atomic<int> opened = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(6);
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

TEST_P(store_contract, a_database_of_the_first_version_is_brought_up_to_date_with_what_is_in_it) {
  const auto old = GetParam().make();
  old->migrate_to(1);
  old->execute(
      "INSERT INTO squid_mesh_runs (id, workflow, definition, trigger_name, payload, started_at, job_id, status)"
      " VALUES (" +
      old->spell(id_of(1)) + ", 'w', 'f', 'manual', '{}', " + old->spell(t0) + ", 1, 'pending')");
  old->execute(R"sql(INSERT INTO oban_jobs (queue, worker, args) VALUES ('q', 'squid_mesh.run', '{"run_id":")sql" +
               to_string(id_of(1)) + R"("}'))");
  const auto store = old->open();
  const run_record run = store->read_run(id_of(1)).value().run;
  EXPECT_EQ(run.started_at, t0);
  EXPECT_EQ(run.queue + run.start_key + run.origin, "");
  EXPECT_EQ(run.priority, 0);
  EXPECT_FALSE(run.deadline);
  const auto claimed = must(store->write({.now = t0, .claims = {{"q", 1}}, .attempted_by = me})).claimed;
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_TRUE(claimed[0].run);
  EXPECT_EQ(store->read_status(id_of(1)), run_status::running);
  const int wanted = must(storage::read_schema(old->url())).wanted;
  EXPECT_EQ(old->query("SELECT max(version) FROM squid_mesh_migrations"), std::to_string(wanted));
  EXPECT_EQ(old->query("SELECT count(*) FROM squid_mesh_migrations"), std::to_string(wanted));
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

INSTANTIATE_TEST_SUITE_P(backends, store_contract, all_backends(), backend_name);

}  // namespace
}  // namespace squid_mesh::testing
