// What every backend has to do for retention: finding ended runs in the order of their ends, deleting them with all
// that is theirs, and taking in runs that come from elsewhere.
#include "storage/backends.h"
#include "storage/store_contract.h"

#include <atomic>

namespace squid_mesh::testing {
namespace {

using enum run_status;

const std::vector<run_status> any_end{completed, failed, cancelled};

class retention : public store_contract {
 protected:
  static ended_run place(std::uint8_t n, time_point at) { return {.id = id_of(n), .ended_at = at}; }
  static storage::end_range all_of(const std::string& workflow, std::vector<run_status> statuses = any_end) {
    return {.workflow = workflow, .statuses = std::move(statuses), .after = {}, .up_to = place(255, t0 + 10h)};
  }

  /// A run whose only job has been executed, and that has ended.
  ended_run end(std::uint8_t n, time_point at, run_status how = completed, const std::string& workflow = "w") {
    write(start_of(n, workflow));
    const job_row job = fetch_one();
    commit last = facts_of(n, {completed_fact(1), completed_fact(2)});
    last.status = status_change{.status = how, .ended_at = at};
    last.jobs.push_back({.whose = held(job), .change = {.is = change::finish}, .releases = driven_branch{id_of(n)}});
    if (!write(last).applied) throw std::logic_error("the run can't be ended");
    return place(n, at);
  }
  static fact completed_fact(std::int64_t seq) { return testing::completed(seq); }

  std::vector<int> found(const storage::end_range& among, std::size_t limit = 100) {
    std::vector<int> ids;
    for (const ended_run& each : must(two->find_ended(among, limit))) ids.push_back(each.id.value.bytes[15]);
    return ids;
  }
  std::vector<int> deleted(const std::vector<ended_run>& runs) {
    std::vector<int> ids;
    for (const run_id& id : must(one->delete_ended(runs))) ids.push_back(id.value.bytes[15]);
    std::ranges::sort(ids);
    return ids;
  }
  std::string count(const std::string& table) { return database->query("SELECT count(*) FROM " + table); }

  static storage::run_import import_of(std::uint8_t n, run_status status, std::vector<fact> facts) {
    storage::run_import what{.history = {.run = {.id = id_of(n),
                                                 .workflow = "w",
                                                 .definition = "f",
                                                 .trigger = "manual",
                                                 .payload = R"({"n":1})",
                                                 .started_at = t0,
                                                 .queue = "q",
                                                 .priority = 3,
                                                 .start_key = "key",
                                                 .deadline = t0 + 1h,
                                                 .origin = R"({"actor":"ada"})",
                                                 .status = status,
                                                 .imported_at = t0 + 2h,
                                                 .routes = "[[1,0]]"},
                                         .facts = std::move(facts)},
                             .definition_name = "w",
                             .definition_version = "1",
                             .definition_document = R"({"name":"w"})"};
    if (is_terminal(status)) what.history.run.ended_at = t0 + 1min;
    return what;
  }
};

using ids = std::vector<int>;

// -- Finding

TEST_P(retention, ended_runs_are_found_in_the_order_of_their_ends) {
  end(1, t0 + 30s);
  end(2, t0 + 10s, failed);
  end(3, t0 + 20s, cancelled);
  end(5, t0 + 20s);
  end(4, t0 + 20s);
  end(6, t0 + 5s, completed, "other");
  write(start_of(7));
  EXPECT_EQ(found(all_of("w")), (ids{2, 3, 4, 5, 1}));
  EXPECT_EQ(found(all_of("w"), 3), (ids{2, 3, 4}));
  EXPECT_EQ(found(all_of("w", {failed, cancelled})), (ids{2, 3}));
  EXPECT_EQ(found(all_of("w", {completed}), 1), ids{4});
  EXPECT_EQ(found(all_of("nobody's")), ids{});
  EXPECT_EQ(found(all_of("w", {})), ids{});
  EXPECT_EQ(must(one->find_ended(all_of("other"), 1)), std::vector{place(6, t0 + 5s)});
  storage::end_range part = all_of("w");
  part.after = place(3, t0 + 20s);
  part.up_to = place(5, t0 + 20s);
  EXPECT_EQ(found(part), (ids{4, 5}));
  part.up_to = place(0, t0 + 20s);
  part.after = {};
  EXPECT_EQ(found(part), ids{2});
  EXPECT_EQ(must(one->workflows_with_ends()), (std::vector<std::string>{"other", "w"}));
}

TEST_P(retention, where_nothing_has_ended_nothing_is_found) {
  EXPECT_TRUE(must(one->workflows_with_ends()).empty());
  write(start_of(1));
  EXPECT_TRUE(must(one->workflows_with_ends()).empty());
  EXPECT_EQ(found(all_of("w")), ids{});
  EXPECT_EQ(must(one->find_end(all_of("w"), 0)), std::nullopt);
}

TEST_P(retention, ends_are_counted_from_the_newest_over_all_statuses) {
  end(1, t0 + 1s);
  end(2, t0 + 2s, failed);
  end(3, t0 + 3s, cancelled);
  end(4, t0 + 4s);
  end(9, t0 + 9s, completed, "other");
  EXPECT_EQ(must(one->find_end(all_of("w"), 0)), place(4, t0 + 4s));
  EXPECT_EQ(must(one->find_end(all_of("w"), 1)), place(3, t0 + 3s));
  EXPECT_EQ(must(one->find_end(all_of("w"), 3)), place(1, t0 + 1s));
  EXPECT_EQ(must(one->find_end(all_of("w"), 4)), std::nullopt);
  EXPECT_EQ(must(one->find_end(all_of("w", {completed}), 1)), place(1, t0 + 1s));
}

// -- Deleting

TEST_P(retention, a_run_goes_with_its_journal_its_branches_and_its_finished_jobs) {
  const ended_run old = end(1, t0);
  end(2, t0);
  const job_id other = insert();
  database->execute("INSERT INTO squid_mesh_branches (run_id, branch, job_id) VALUES (" + database->spell(id_of(1)) +
                    ", 'left', " + to_string(other) + ")");
  EXPECT_EQ(count("oban_jobs"), "3");
  EXPECT_EQ(deleted({old}), ids{1});
  EXPECT_EQ(one->read_run(id_of(1)).error().code, errc::not_found);
  EXPECT_EQ(count("squid_mesh_runs"), "1");
  EXPECT_EQ(count("squid_mesh_events"), "2");
  EXPECT_EQ(count("squid_mesh_branches"), "0");
  EXPECT_EQ(count("oban_jobs"), "2");
  EXPECT_EQ(read(other).state, state::available) << "a job that hasn't ended is for somebody else to end";
  EXPECT_EQ(one->read_run(id_of(2)).value().facts.size(), 2U);
  EXPECT_EQ(deleted({old}), ids{});
}

TEST_P(retention, runs_that_go_on_are_never_deleted) {
  for (const run_status status : {pending, running, retrying, paused, cancelling}) {
    const auto n = static_cast<std::uint8_t>(10 + static_cast<int>(status));
    write(start_of(n));
    write({.run = id_of(n), .status = status_change{.status = status}});
    EXPECT_EQ(deleted({place(n, t0), place(n, {})}), ids{}) << to_string(status);
  }
  EXPECT_EQ(found(all_of("w")), ids{});
  EXPECT_EQ(count("squid_mesh_runs"), "5");
}

TEST_P(retention, a_run_that_has_gone_on_and_ended_again_is_another_end) {
  const ended_run first = end(1, t0, failed);
  commit again = facts_of(1, {{.seq = 3, .kind = fact_kind::retry_requested, .at = t0, .data = "{}"}});
  again.status = status_change{.status = running};
  ASSERT_TRUE(write(again).applied);
  EXPECT_EQ(deleted({first}), ids{});
  commit last = facts_of(1, {completed_fact(4)});
  last.status = status_change{.status = failed, .ended_at = t0 + 1s};
  write(last);
  EXPECT_EQ(deleted({first}), ids{});
  EXPECT_EQ(deleted({place(1, t0 + 1s)}), ids{1});
}

TEST_P(retention, what_comes_after_the_end_of_a_deleted_run_is_refused_and_harms_nobody) {
  const ended_run old = end(1, t0, failed);
  write(start_of(2));
  deleted({old});
  for (const fact_kind late : {fact_kind::retry_requested, fact_kind::attempt_discarded}) {
    commit again = facts_of(1, {{.seq = 3, .kind = late, .step = "a", .at = t0, .data = "{}"}});
    again.status = status_change{.status = running};
    again.wakes = {run_job({.run = id_of(1)}, "q")};
    const auto outcome = write({again, facts_of(2, {completed_fact(1)})});
    EXPECT_FALSE(outcome.commits[0].applied);
    EXPECT_TRUE(outcome.commits[1].applied || late == fact_kind::attempt_discarded);
  }
  EXPECT_EQ(count("squid_mesh_events"), "1");
  EXPECT_EQ(count("oban_jobs"), "1");
}

TEST_P(retention, what_comes_after_the_end_of_a_run_that_is_there_is_accepted) {
  end(1, t0, failed);
  commit again = facts_of(1, {{.seq = 3, .kind = fact_kind::retry_requested, .at = t0, .data = "{}"}});
  again.status = status_change{.status = running};
  again.wakes = {run_job({.run = id_of(1)}, "q")};
  ASSERT_TRUE(write(again).applied);
  EXPECT_EQ(fetched().size(), 1U);
  EXPECT_EQ(read(*one->read_run(id_of(1)).value().run.job).state, state::executing);
}

// A person retries, and retention deletes: one of them wins, and nothing of the loser's stays.
TEST_P(retention, a_retry_and_a_deletion_at_once_have_one_winner) {
  for (std::uint8_t n = 1; n <= 60; ++n) {
    const ended_run old = end(n, t0, failed);
    commit again = facts_of(n, {{.seq = 3, .kind = fact_kind::retry_requested, .at = t0, .data = "{}"}});
    again.status = status_change{.status = running};
    again.wakes = {run_job({.run = old.id}, "elsewhere")};
    std::atomic<int> ready = 0;
    bool retried = false;
    bool gone = false;
    const auto together = [&ready] {
      ++ready;
      while (ready < 2) std::this_thread::yield();
    };
    {
      const std::jthread person([&] {
        together();
        retried = must(one->write({.now = t0, .commits = {&again}})).commits[0].applied;
      });
      const std::jthread pruner([&] {
        together();
        gone = must(two->delete_ended(std::vector{old})).size() == 1;
      });
    }
    EXPECT_NE(retried, gone);
    EXPECT_EQ(one->read_run(old.id).has_value(), retried);
    const std::string facts =
        database->query("SELECT count(*) FROM squid_mesh_events WHERE run_id = " + database->spell(old.id));
    EXPECT_EQ(facts, retried ? "3" : "0");
  }
  EXPECT_EQ(count("oban_jobs WHERE queue = 'elsewhere'"), count("squid_mesh_runs"));
}

TEST_P(retention, two_who_delete_the_same_runs_at_once_share_them) {
  std::vector<ended_run> runs;
  for (std::uint8_t n = 1; n <= 40; ++n) runs.push_back(end(n, t0));
  std::atomic<std::size_t> gone = 0;
  {
    std::vector<std::jthread> threads;
    for (storage::store* by : {one.get(), two.get()}) {
      threads.emplace_back([&, by] {
        for (int i = 0; i < 3; ++i) gone += must(by->delete_ended(runs)).size();
      });
    }
  }
  EXPECT_EQ(gone, 40U);
  EXPECT_EQ(count("squid_mesh_runs"), "0");
  EXPECT_EQ(count("squid_mesh_events"), "0");
  EXPECT_EQ(count("oban_jobs"), "0");
}

// -- Imported runs

TEST_P(retention, an_imported_run_is_read_as_it_was_given_and_has_no_job) {
  const auto what = import_of(1, running, {completed_fact(1), completed_fact(2)});
  EXPECT_EQ(one->import_run(what, t0), true);
  const journal seen = must(two->read_run(id_of(1)));
  const run_record& run = seen.run;
  EXPECT_EQ(
      run.workflow + run.definition + run.trigger + run.payload + run.queue + run.start_key + run.origin + run.routes,
      R"(wfmanual{"n":1}qkey{"actor":"ada"}[[1,0]])");
  EXPECT_EQ(run.priority, 3);
  EXPECT_EQ(run.started_at, t0);
  EXPECT_EQ(run.deadline, t0 + 1h);
  EXPECT_EQ(run.imported_at, t0 + 2h);
  EXPECT_EQ(run.status, running);
  EXPECT_EQ(run.shown_status, running);
  EXPECT_FALSE(run.job);
  ASSERT_EQ(seen.facts.size(), 2U);
  EXPECT_TRUE(same_fact(seen.facts[1], what.history.facts[1]));
  EXPECT_EQ(one->get_definition("f"), R"({"name":"w"})");
  EXPECT_EQ(must(one->list_runs({}, {})).at(0).imported_at, t0 + 2h);
  EXPECT_EQ(count("oban_jobs"), "0");
}

TEST_P(retention, an_import_over_a_run_changes_nothing) {
  write(start_of(1));
  EXPECT_EQ(one->import_run(import_of(1, completed, {completed_fact(1)}), t0), false);
  EXPECT_TRUE(must(one->read_run(id_of(1))).facts.empty());
  EXPECT_FALSE(must(one->read_run(id_of(1))).run.imported_at);
  EXPECT_EQ(one->import_run(import_of(2, completed, {completed_fact(1)}), t0), true);
  EXPECT_EQ(two->import_run(import_of(2, completed, {completed_fact(1), completed_fact(2)}), t0), false);
  EXPECT_EQ(must(one->read_run(id_of(2))).facts.size(), 1U);
}

TEST_P(retention, imported_runs_are_not_mended_and_not_found_as_ended) {
  one->import_run(import_of(1, running, {}), t0).value();
  one->import_run(import_of(2, pending, {}), t0).value();
  one->import_run(import_of(3, completed, {completed_fact(1)}), t0).value();
  EXPECT_EQ(one->mend_runs("q", t0, 100), 0U);
  EXPECT_EQ(count("oban_jobs"), "0");
  EXPECT_EQ(found(all_of("w")), ids{});
  EXPECT_EQ(must(one->find_end(all_of("w"), 0)), std::nullopt);
  EXPECT_TRUE(must(one->workflows_with_ends()).empty());
  EXPECT_EQ(deleted({place(3, t0 + 1min)}), ids{});
}

TEST_P(retention, an_imported_run_holds_no_start_key) {
  one->import_run(import_of(1, completed, {completed_fact(1)}), t0).value();
  EXPECT_EQ(one->find_by_start_key("w", "key"), std::nullopt);
  commit start = start_of(2);
  start.start->start_key = "key";
  EXPECT_TRUE(write(start).applied);
  EXPECT_EQ(one->find_by_start_key("w", "key"), id_of(2));
  EXPECT_EQ(one->import_run(import_of(3, completed, {completed_fact(1)}), t0), true);
  commit same = start_of(4);
  same.start->start_key = "key";
  EXPECT_FALSE(write(same).applied);
}

TEST_P(retention, an_import_takes_the_place_of_what_a_late_writer_left) {
  write(facts_of(1, {completed_fact(1), completed_fact(2), completed_fact(3)}));
  EXPECT_EQ(one->import_run(import_of(1, completed, {completed_fact(1)}), t0), true);
  EXPECT_EQ(must(one->read_run(id_of(1))).facts.size(), 1U);
}

TEST_P(retention, only_imported_runs_are_deleted_as_such) {
  one->import_run(import_of(1, running, {completed_fact(1)}), t0).value();
  end(2, t0);
  EXPECT_EQ(one->delete_imported(id_of(2)), false);
  EXPECT_EQ(one->delete_imported(id_of(3)), false);
  EXPECT_EQ(one->delete_imported(id_of(1)), true);
  EXPECT_EQ(one->delete_imported(id_of(1)), false);
  EXPECT_EQ(count("squid_mesh_runs"), "1");
  EXPECT_EQ(count("squid_mesh_events"), "2");
}

TEST_P(retention, an_import_that_cannot_be_stored_leaves_nothing) {
  auto broken = import_of(1, completed, {completed_fact(1), completed_fact(1)});
  broken.history.facts[1].seq = 0;
  EXPECT_FALSE(one->import_run(broken, t0));
  EXPECT_EQ(count("squid_mesh_runs"), "0");
  EXPECT_EQ(count("squid_mesh_events"), "0");
  EXPECT_EQ(count("squid_mesh_definitions"), "0");
}

INSTANTIATE_TEST_SUITE_P(backends, retention, all_backends(), backend_name);

}  // namespace
}  // namespace squid_mesh::testing
