// The job table is shared: what belongs to others is theirs, and whatever they do to what is ours, no run suffers.
#include "postgres/mesh_world.h"
#include "postgres/oban_tables.h"
#include "storage/postgres_database.h"
#include "support/ear.h"

#include <squid_mesh/jobs.hpp>

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <algorithm>
#include <atomic>
#include <memory>

namespace squid_mesh::testing {
namespace {

time_point present() { return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now()); }

class oban_rules : public ::testing::Test {
 protected:
  jobs::engine engine(const std::string& queue = "cpp") {
    return jobs::engine::open({.database = database_.url(),
                               .node_name = "engine",
                               .log = log_.sink(),
                               .queues = {{.queue = queue}},
                               .lease = 1s,
                               .poll = 50ms})
        .value();
  }

  log_book log_;
  postgres_database database_;
};

// -- What belongs to others

TEST_F(oban_rules, rows_of_other_queues_are_never_touched) {
  jobs::engine ours = engine();
  mesh runs = open_mesh(database_.url(), "runs", log_);
  ASSERT_TRUE(runs.add(chain, chain_handlers(quick())));
  ours.handle("w", [](const jobs::job&, const std::stop_token&) { return jobs::done(); });
  // The same in a queue of ours and in one of somebody else's.
  for (const char* queue : {"cpp", "elixir"}) {
    database_.execute(R"sql(
      INSERT INTO oban_jobs (queue, worker, state, attempt, attempted_at, attempted_by, inserted_at, scheduled_at,
                             completed_at, discarded_at, cancelled_at)
      SELECT ')sql" + std::string(queue) +
                      R"sql(', 'w', state::oban_job_state, CASE state WHEN 'available' THEN 0 ELSE 1 END,
             past, '{elixir@host, 0193}', past, past,
             CASE state WHEN 'completed' THEN past END, CASE state WHEN 'discarded' THEN past END,
             CASE state WHEN 'cancelled' THEN past END
      FROM unnest(enum_range(NULL::oban_job_state)) AS state,
           (SELECT timezone('UTC', now()) - interval '2 days' AS past) AS p)sql");
  }
  const std::string theirs = "SELECT j::text FROM oban_jobs j WHERE queue = 'elixir' ORDER BY id";
  const std::string before = database_.query(theirs);
  ASSERT_TRUE(ours.start());
  ASSERT_TRUE(runs.start({.lease = 1s, .poll = 50ms, .keep_finished_jobs = 0ms}));
  ASSERT_TRUE(runs.await_run(runs.start_run(chain)->id, 30s));
  // Ours have been staged, fetched, rescued and pruned; only what is suspended rests.
  EXPECT_TRUE(eventually([&] {
    return database_.query("SELECT state::text FROM oban_jobs WHERE queue = 'cpp' AND completed_at IS NULL") ==
               "suspended" ||
           database_.query("SELECT string_agg(DISTINCT state::text, ' ') FROM oban_jobs WHERE queue = 'cpp'") ==
               "completed suspended";
  })) << database_.query("SELECT j::text FROM oban_jobs j WHERE queue = 'cpp'");
  EXPECT_EQ(database_.query(theirs), before);
}

// -- What others do to ours

struct meddling {
  const char* name;
  const char* sql;  ///< what somebody does to the job of a run that is being worked on
};
void PrintTo(const meddling& what, std::ostream* out) { *out << what.name; }

class meddled : public oban_rules, public ::testing::WithParamInterface<meddling> {};

TEST_P(meddled, a_run_ends_once_all_the_same) {
  crowd members;
  mesh worker = open_mesh(database_.url(), "worker", log_);
  ASSERT_TRUE(worker.add(chain, chain_handlers(members.member())));
  const auto started = worker.start_run(chain);
  ASSERT_TRUE(worker.start({.queues = {{"squid_mesh", 2}}, .lease = 2s, .poll = 50ms}));
  ASSERT_TRUE(eventually([&] { return members.inside() == 1; })) << log_.text();
  database_.execute(GetParam().sql);
  members.open();
  const auto mender = database_.open();
  const auto has_ended = [&] {
    return mender->mend_runs("squid_mesh", present(), 10) && worker.await_run(started->id, 20ms);
  };
  ASSERT_TRUE(eventually(has_ended)) << log_.text() << to_json(*worker.inspect_run(started->id)).dump(2)
                                     << database_.query("SELECT j::text FROM oban_jobs j");
  expect_completed_once(worker, started->id, 5);
  const std::string left =
      "SELECT j::text FROM oban_jobs j WHERE state IN ('available', 'executing', 'scheduled', 'retryable')";
  EXPECT_TRUE(eventually([&] { return database_.query(left).empty(); })) << database_.query(left) << log_.text();
}

INSTANTIATE_TEST_SUITE_P(
    by_others, meddled,
    ::testing::Values(
        meddling{"rescued", "UPDATE oban_jobs SET state = 'available'"},
        meddling{"rescued_and_fetched",
                 "UPDATE oban_jobs SET state = 'executing', attempt = attempt + 1, attempted_by = '{other, 0193}'"},
        meddling{"retried",
                 "UPDATE oban_jobs SET state = 'available', max_attempts = greatest(max_attempts, attempt + 1)"},
        meddling{"edited", "UPDATE oban_jobs SET args = '{\"edited\": true}', priority = 9, tags = '{t}', meta = '{}'"},
        meddling{"edited_beyond_recognition_and_rescued",
                 "UPDATE oban_jobs SET args = '{\"run_id\": 1}', state = 'available'"},
        meddling{"cancelled", "UPDATE oban_jobs SET state = 'cancelled', cancelled_at = timezone('UTC', now())"},
        meddling{"discarded", "UPDATE oban_jobs SET state = 'discarded', discarded_at = timezone('UTC', now())"},
        meddling{"completed", "UPDATE oban_jobs SET state = 'completed', completed_at = timezone('UTC', now())"},
        meddling{"deleted", "DELETE FROM oban_jobs"}),
    [](const auto& tested) { return std::string(tested.param.name); });

// -- What we write for others

TEST_F(oban_rules, jobs_for_others_are_written_as_oban_writes_them) {
  jobs::engine ours = engine();
  ear elixir(postgres_url(shared_cluster()), database_.schema() + ".oban_insert");
  ASSERT_TRUE(ours.enqueue({.worker = "MyApp.Mailer",
                            .args = {{"to", "you"}},
                            .queue = "mailers",
                            .meta = {{"m", 1}},
                            .tags = {"Red ", "red", "BLUE"},
                            .priority = 3,
                            .max_attempts = 5}));
  EXPECT_EQ(elixir.heard(), (json{{{"queue", "mailers"}}}));
  EXPECT_EQ(database_.query(R"sql(
    SELECT to_jsonb(j) - '{id,inserted_at,scheduled_at}'::text[] = '{
      "state": "available", "queue": "mailers", "worker": "MyApp.Mailer", "args": {"to": "you"}, "meta": {"m": 1},
      "tags": ["red", "blue"], "priority": 3, "max_attempts": 5, "attempt": 0, "errors": [], "attempted_by": null,
      "attempted_at": null, "completed_at": null, "discarded_at": null, "cancelled_at": null}'::jsonb
      AND abs(extract(epoch FROM timezone('UTC', now()) - inserted_at)) < 60 AND scheduled_at = inserted_at
    FROM oban_jobs j)sql"),
            "t")
      << database_.query("SELECT to_jsonb(j)::text FROM oban_jobs j");

  ASSERT_TRUE(ours.enqueue({.worker = "later.Worker", .queue = "mailers", .scheduled_at = present() - 1h}));
  EXPECT_EQ(database_.query("SELECT state::text FROM oban_jobs WHERE worker = 'later.Worker'"), "scheduled");
  EXPECT_EQ(elixir.heard(), json::array()) << "there is nothing to fetch yet";

  ASSERT_TRUE(
      ours.enqueue_all({{.worker = "w", .queue = "a"}, {.worker = "w", .queue = "a"}, {.worker = "w", .queue = "b"}}));
  json queues = elixir.heard();
  std::ranges::sort(queues.get_ref<json::array_t&>());
  EXPECT_EQ(queues, (json{{{"queue", "a"}}, {{"queue", "b"}}})) << "one for each queue";
}

// -- What others write for us

/// Rows of Elixir and of Python, down to what they leave out, on the tables of either.
void expect_foreign_rows_work(postgres_database& database, jobs::engine& ours, bool nullable) {
  std::atomic<int> calls = 0;
  ours.handle("w", [&](const jobs::job& work, const std::stop_token&) {
    ++calls;
    return work.attempt == 1 && work.args.contains("fail") ? jobs::failed("no \"luck\"", 1ms) : jobs::done();
  });
  ASSERT_TRUE(ours.start());
  database.execute(nullable ? "INSERT INTO oban_jobs (queue, worker, tags, meta, attempted_by) VALUES"
                              " ('cpp', 'w', NULL, NULL, NULL)"
                            : "INSERT INTO oban_jobs (queue, worker) VALUES ('cpp', 'w')");
  database.execute(
      "INSERT INTO oban_jobs (queue, worker, args) VALUES ('cpp', 'w', '{\"fail\": true}');"
      "INSERT INTO oban_jobs (state, queue, worker, scheduled_at) VALUES"
      " ('scheduled', 'cpp', 'w', timezone('UTC', now()))");
  ASSERT_TRUE(eventually([&] {
    return database.query("SELECT count(*) FROM oban_jobs WHERE state = 'completed'") == "3";
  })) << database.query("SELECT j::text FROM oban_jobs j");
  ours.stop();
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(database.query("SELECT jsonb_agg((e - 'at') || jsonb_build_object('timely', (e->>'at')::timestamptz >"
                           " now() - interval '1 hour'))::text"
                           " FROM oban_jobs, jsonb_array_elements(to_jsonb(errors)) AS e"),
            R"([{"error": "no \"luck\"", "timely": true, "attempt": 1}])");
}

TEST_F(oban_rules, jobs_of_others_are_executed) {
  jobs::engine ours = engine();
  expect_foreign_rows_work(database_, ours, true);
}

TEST_F(oban_rules, jobs_of_others_are_executed_on_the_tables_of_oban_for_python) {
  database_.execute(python_tables());
  jobs::engine ours = engine();
  expect_foreign_rows_work(database_, ours, false);
}

}  // namespace
}  // namespace squid_mesh::testing
