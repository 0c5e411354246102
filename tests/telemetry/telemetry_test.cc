// What handlers are told of runs, steps and jobs, on both databases.
#include "language/language_world.h"
#include "recorder.h"

#include <squid_mesh/jobs.hpp>

#include <atomic>
#include <stdexcept>

namespace squid_mesh::testing {
namespace {

constexpr auto order = workflow({
    .name = "test.order",
    .triggers = {{.name = "web"}},
    .steps = {{"charge",
               bound_action,
               {.retry = {.max_attempts = 3, .backoff = constant(1ms)}, .compensate = bound_action}},
              {"review", approval{}},
              {"ship", bound_action, {.retry = {.max_attempts = 1}}}},
    .transitions = {{"charge", on::ok, "review"},
                    {"review", on::ok, "ship"},
                    {"review", on::error, complete},
                    {"ship", on::ok, complete}},
});

constexpr auto errand = workflow({
    .name = "test.errand",
    .triggers = {{.name = "web"}},
    .steps = {{"wait", wait{1ms}}, {"go", bound_action}},
    .transitions = {{"wait", on::ok, "go"}, {"go", on::ok, complete}},
});

constexpr auto family = workflow({
    .name = "test.family",
    .triggers = {{.name = "web"}},
    .steps = {{"look", bound_action}, {"send", child{"test.errand"}}},
    .transitions = {{"look", on::ok, "send"}, {"send", on::ok, complete}},
});

class telemetry : public language {
 protected:
  mesh open_heard(telemetry_handlers handlers) {
    return must(mesh::open({.database = database_->url(),
                            .log = [](level, std::string_view) {},
                            .telemetry = std::move(handlers),
                            .node_name = "node"}));
  }
  mesh open_heard() { return open_heard({heard_}); }

  /// Charging fails at first; shipping as it is told.
  void add_order(mesh& m, bool ships) {
    must(m.add(order, {{"charge",
                        [this](const json&, step_context&) -> result<json> {
                          if (++charges_ == 1) return std::unexpected(retryable("the bank is asleep"));
                          return json::object();
                        }},
                       {"charge.compensate", note()},
                       {"ship", [ships](const json&, step_context&) -> result<json> {
                          if (!ships) return std::unexpected(permanent("no boat"));
                          return json::object();
                        }}}));
  }

  telemetry_event first(telemetry_kind kind) const {
    const auto found = heard_->of(kind);
    if (found.empty()) throw std::runtime_error("no event " + std::string(to_string(kind)));
    return found.front();
  }

  std::shared_ptr<recorder> heard_ = std::make_shared<recorder>();
  std::atomic<int> charges_ = 0;
};

TEST_P(telemetry, tells_the_life_of_a_run_in_its_order) {
  run_id id;
  {
    mesh m = open_heard();
    add_order(m, true);
    must(m.start());
    id = must(m.start_run(order)).id;
    ASSERT_TRUE(reaches(m, id, run_status::paused));
    must(m.approve_run(id, {.actor = "ann"}));
    must(m.await_run(id, 20s));
    ASSERT_TRUE(heard_->wait_for(id, telemetry_kind::run_completed));
  }
  EXPECT_EQ(
      heard_->story_of(id),
      (std::vector<std::string>{"run.created", "step.started charge", "step.retry_scheduled charge", "run.transition",
                                "step.started charge", "step.completed charge", "step.waiting review", "run.transition",
                                "run.paused", "step.completed review", "run.transition", "run.resumed",
                                "step.started ship", "step.completed ship", "run.transition", "run.completed"}));
  for (const telemetry_event& each : heard_->of(id)) {
    if (!std::string(to_string(each.kind)).starts_with("job.")) {
      EXPECT_EQ(each.workflow, "test.order");
      EXPECT_EQ(each.trigger, "web");
    }
  }
  const auto retried = first(telemetry_kind::step_retry_scheduled);
  EXPECT_EQ(retried.attempt, 1);
  EXPECT_EQ(retried.visit, 1);
  EXPECT_EQ(retried.node, "node");
  EXPECT_EQ(retried.error_code, "step_failed");
  EXPECT_EQ(retried.error_message, "the bank is asleep");
  ASSERT_TRUE(retried.retry_at && retried.started_at && retried.duration);
  EXPECT_EQ(*retried.started_at + *retried.duration, retried.at);
  EXPECT_EQ(first(telemetry_kind::step_completed).attempt, 2);
  const auto paused = first(telemetry_kind::run_paused);
  EXPECT_EQ(paused.to, run_status::paused);
  const auto ended = first(telemetry_kind::run_completed);
  EXPECT_EQ(ended.to, run_status::completed);
  ASSERT_TRUE(ended.started_at && ended.duration);
  EXPECT_EQ(*ended.started_at, first(telemetry_kind::run_created).at);
  EXPECT_EQ(*ended.started_at + *ended.duration, ended.at);
}

TEST_P(telemetry, tells_failures_and_what_makes_them_good) {
  mesh m = open_heard();
  add_order(m, false);
  must(m.start());
  const run_id id = must(m.start_run(order)).id;
  ASSERT_TRUE(reaches(m, id, run_status::paused));
  must(m.approve_run(id, {.actor = "ann"}));
  ASSERT_TRUE(heard_->wait_for(id, telemetry_kind::run_failed));
  const auto story = heard_->story_of(id);
  const std::vector<std::string> last(story.end() - 6, story.end());
  EXPECT_EQ(last, (std::vector<std::string>{"step.started ship", "step.failed ship", "step.started charge.compensate",
                                            "step.compensated charge.compensate", "run.transition", "run.failed"}));
  EXPECT_EQ(first(telemetry_kind::step_failed).error_message, "no boat");
  EXPECT_FALSE(first(telemetry_kind::step_failed).retry_at);
}

TEST_P(telemetry, tells_of_commands_and_of_what_they_start) {
  mesh m = open_heard();
  add_order(m, true);
  const run_id old = must(m.start_run(order)).id;
  must(m.cancel_run(old, {.actor = "ann"}));
  const run_id fresh = must(m.replay_run(old)).id;
  ASSERT_TRUE(heard_->wait_for(fresh, telemetry_kind::run_replayed));
  EXPECT_EQ(heard_->story_of(old), (std::vector<std::string>{"run.created", "run.transition", "run.cancelled"}));
  EXPECT_EQ(heard_->story_of(fresh), (std::vector<std::string>{"run.created", "run.replayed"}));
  EXPECT_EQ(first(telemetry_kind::run_replayed).replay_of, old);
}

TEST_P(telemetry, tells_of_jobs_and_batches) {
  mesh m = open_heard();
  must(m.add(errand, {{"go", note()}}));
  must(m.start());
  const run_id id = must(m.start_run(errand)).id;
  ASSERT_TRUE(heard_->wait_for(id, telemetry_kind::run_completed));
  ASSERT_TRUE(heard_->wait_for([](const auto& e) { return e.outcome == "completed"; }));
  const auto fetched = heard_->of(telemetry_kind::job_fetched);
  ASSERT_EQ(fetched.size(), 2U) << "at the start, and after the wait";
  EXPECT_EQ(fetched.front().queue, "squid_mesh");
  EXPECT_GT(fetched.front().job.value, 0);
  EXPECT_TRUE(fetched.front().duration);
  const auto acknowledged = heard_->of(telemetry_kind::job_acknowledged);
  ASSERT_EQ(acknowledged.size(), 2U);
  EXPECT_EQ(acknowledged[0].outcome, "snoozed");
  EXPECT_EQ(acknowledged[1].outcome, "completed");
  for (const auto& each : acknowledged) {
    EXPECT_EQ(each.job, fetched.front().job);
    EXPECT_EQ(each.queue, "squid_mesh");
    EXPECT_EQ(each.run, id);
    EXPECT_TRUE(each.duration);
  }
  EXPECT_EQ(heard_->of(telemetry_kind::run_dispatched).size(), 2U);
  const auto batches = heard_->of(telemetry_kind::batch_committed);
  ASSERT_FALSE(batches.empty());
  EXPECT_GE(batches.front().count, 1U);
  EXPECT_GT(batches.front().duration->count(), 0);
  EXPECT_TRUE(heard_->wait_for([](const auto& e) { return e.kind == telemetry_kind::queue_depth; }))
      << "at the beginning of work, and then every 15 s";
}

TEST_P(telemetry, of_what_has_ended_is_told_when_the_database_says_so) {
  /// Looks into the database whenever it hears of an end.
  class sceptic final : public telemetry_handler {
   public:
    explicit sceptic(mesh& elsewhere) : elsewhere_(elsewhere) {}
    void on(std::span<const telemetry_event> events) override {
      for (const telemetry_event& each : events) {
        if (each.kind != telemetry_kind::run_completed) continue;
        const auto seen = elsewhere_.inspect_run(each.run);
        if (!seen || seen->status != run_status::completed) ++wrong;
        ++ends;
      }
    }
    std::atomic<int> wrong = 0;
    std::atomic<int> ends = 0;

   private:
    mesh& elsewhere_;
  };
  mesh elsewhere = open("elsewhere");
  auto listener = std::make_shared<sceptic>(elsewhere);
  {
    mesh m = open_heard({listener});
    must(m.add(errand, {{"go", note()}}));
    must(m.start({.queues = {{"squid_mesh", 20}}}));
    std::vector<run_id> runs;
    for (const run_ref& each : must(m.start_runs("test.errand", std::vector<json>(50, json::object())))) {
      runs.push_back(each.id);
    }
    for (const run_id& each : runs) must(m.await_run(each, 20s));
  }
  EXPECT_EQ(listener->ends, 50);
  EXPECT_EQ(listener->wrong, 0);
}

TEST_P(telemetry, a_child_is_in_the_trace_of_the_attempt_that_starts_it) {
  mesh m = open_heard();
  std::string seen;
  must(m.add(errand, {{"go", note()}}));
  must(m.add(family, {{"look", [&](const json&, step_context& context) -> result<json> {
                         seen = context.traceparent();
                         return json::object();
                       }}}));
  must(m.start());
  const std::string caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const run_id id = must(m.start_run(family, json::object(), {.traceparent = caller})).id;
  ASSERT_TRUE(heard_->wait_for(id, telemetry_kind::run_completed));
  EXPECT_EQ(parse_traceparent(seen)->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  for (const telemetry_event& each : heard_->of(id)) {
    if (each.step == "look") {
      EXPECT_EQ(traceparent_of(each), seen) << to_string(each.kind);
    }
    EXPECT_TRUE(each.traceparent == caller || each.job.value != 0) << to_string(each.kind);
  }
  const auto created = heard_->of(telemetry_kind::run_created);
  ASSERT_EQ(created.size(), 2U);
  EXPECT_EQ(created[1].parent, id);
  const auto inherited = parse_traceparent(created[1].traceparent);
  ASSERT_TRUE(inherited);
  EXPECT_EQ(inherited->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_NE(inherited->span_id, "00f067aa0ba902b7");
}

TEST_P(telemetry, a_traceparent_that_is_none_starts_the_run_all_the_same) {
  mesh m = open_heard();
  must(m.add(errand, {{"go", note()}}));
  const run_id id = must(m.start_run(errand, json::object(), {.traceparent = "hello"})).id;
  ASSERT_TRUE(heard_->wait_for(id, telemetry_kind::run_created));
  EXPECT_EQ(first(telemetry_kind::run_created).traceparent, "");
}

TEST_P(telemetry, plain_jobs_are_told_of_too) {
  auto engine = must(jobs::engine::open({.database = database_->url(),
                                         .log = [](level, std::string_view) {},
                                         .telemetry = {heard_},
                                         .queues = {{"mail"}}}));
  engine.handle("Post", [](const jobs::job&, std::stop_token) { return jobs::discard("no stamp"); });
  must(engine.start());
  const job_id id = must(engine.enqueue({.worker = "Post", .queue = "mail"}));
  ASSERT_TRUE(
      heard_->wait_for([&](const auto& e) { return e.kind == telemetry_kind::job_acknowledged && e.job == id; }));
  const auto ended = first(telemetry_kind::job_acknowledged);
  EXPECT_EQ(ended.outcome, "discarded");
  EXPECT_EQ(ended.worker, "Post");
  EXPECT_EQ(ended.queue, "mail");
  engine.stop();
}

INSTANTIATE_TEST_SUITE_P(databases, telemetry, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
