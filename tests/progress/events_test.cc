// Steps that wait for events.
#include "progress/decide.h"
#include "progress/driven_run.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using change = job_change::kind;

/// first -> paid (10 s at most) -> ship, or remind if it doesn't come, or give_up on error.
std::shared_ptr<const definition> workflow() {
  return read_workflow(
      R"([{"name": "first"}, {"name": "paid", "kind": "await_event", "await_event": {"name": "payment", "timeout_ms": 10000}},
          {"name": "ship"}, {"name": "remind"}, {"name": "give_up"}])",
      R"([{"from": "first", "to": "paid"}, {"from": "paid", "to": "ship"},
          {"from": "paid", "on": "timeout", "to": "remind"}, {"from": "paid", "on": "error", "to": "give_up"},
          {"from": "ship", "to": "complete"}, {"from": "remind", "to": "complete"},
          {"from": "give_up", "to": "complete"}])");
}

driven_run at_event() {
  driven_run run(workflow());
  run.deliver();
  run.succeed();
  return run;
}

event::signalled payment(json data, const char* key = "") {
  return {.by = {.key = key}, .name = "payment", .data = std::move(data)};
}

TEST(events, awaiting_one_holds_no_worker) {
  driven_run run(workflow());
  run.deliver();
  const decision made = run.succeed();
  EXPECT_EQ(facts_of(made), (texts{"step_completed first", "event_awaited paid"}));
  EXPECT_EQ(json::parse(made.facts.at(1).data),
            (json{{"name", "payment"}, {"until", (run.now + 10s).time_since_epoch().count()}}));
  EXPECT_EQ(made.job, (job_change{.is = change::snooze, .at = run.now + 10s}));
  EXPECT_EQ(made.status->status, run_status::running);
  EXPECT_EQ(run.progress_of("paid").status, step_status::waiting);
}

TEST(events, without_a_timeout_the_branch_has_no_job) {
  driven_run run(read_workflow(R"([{"name": "e", "kind": "await_event", "await_event": {"name": "x"}}])",
                               R"([{"from": "e", "to": "complete"}])"));
  const decision made = run.deliver();
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_TRUE(made.releases);
  EXPECT_EQ(facts_of(run.on(event::signalled{.by = {}, .name = "x", .data = nullptr})),
            (texts{"event_received", "event_taken e"}));
  EXPECT_EQ(run.state.status(), run_status::completed);
}

TEST(events, one_that_comes_after_the_wait_began_is_taken_at_once) {
  driven_run run = at_event();
  const decision made = run.on(payment({{"amount", 7}}));
  EXPECT_EQ(facts_of(made), (texts{"event_received", "event_taken paid"}));
  EXPECT_EQ(run.names_of(made.woken), texts{"first"});
  EXPECT_EQ(run.state.context.at("paid"), (json{{"amount", 7}}));
  EXPECT_EQ(next_of(run, run.deliver()), "ship");
}

TEST(events, one_that_comes_before_the_wait_is_kept_for_it) {
  driven_run run(workflow());
  run.deliver();
  const decision early = run.on(payment(7));
  EXPECT_EQ(facts_of(early), texts{"event_received"});
  EXPECT_TRUE(early.woken.empty());
  const decision made = run.succeed();
  EXPECT_EQ(facts_of(made), (texts{"step_completed first", "event_taken paid"}));
  EXPECT_EQ(next_of(run, made), "ship") << "nothing was waited for";
  EXPECT_EQ(run.state.context.at("paid"), 7);
}

TEST(events, a_run_that_has_not_begun_keeps_them_and_stays_pending) {
  driven_run run(workflow());
  EXPECT_FALSE(run.on(payment(7)).status);
  EXPECT_EQ(run.state.status(), run_status::pending);
}

TEST(events, those_of_one_name_are_taken_in_the_order_in_which_they_came) {
  driven_run run(read_workflow(
      R"([{"name": "a", "kind": "await_event", "await_event": {"name": "x"}, "output": "a"}, {"name": "between"},
          {"name": "b", "kind": "await_event", "await_event": {"name": "x"}, "output": "b"}])",
      R"([{"from": "a", "to": "between"}, {"from": "between", "to": "b"}, {"from": "b", "to": "complete"}])"));
  run.on(event::signalled{.by = {}, .name = "x", .data = 1});
  run.on(event::signalled{.by = {}, .name = "other", .data = 0});
  run.on(event::signalled{.by = {}, .name = "x", .data = 2});
  EXPECT_EQ(facts_of(run.deliver()), texts{"event_taken a"});
  EXPECT_EQ(facts_of(run.succeed()), (texts{"step_completed between", "event_taken b"}));
  EXPECT_EQ(run.state.context, (json{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(run.state.status(), run_status::completed) << "an event that nobody takes keeps no run alive";
}

TEST(events, one_event_is_for_one_of_the_steps_that_await_it) {
  driven_run run(read_workflow(R"([
      {"name": "a", "kind": "await_event", "await_event": {"name": "x"}},
      {"name": "b", "kind": "await_event", "await_event": {"name": "x"}}, {"name": "c", "after": ["a", "b"]}])"));
  run.deliver_to("a");
  run.deliver_to("b");
  EXPECT_EQ(facts_of(run.on(event::signalled{.by = {}, .name = "x", .data = 1})),
            (texts{"event_received", "event_taken a"}));
  EXPECT_TRUE(run.is_active("b"));
  EXPECT_EQ(facts_of(run.on(event::signalled{.by = {}, .name = "x", .data = 2})),
            (texts{"event_received", "event_taken b"}));
  EXPECT_EQ(run.state.visible_context(run.index_of("c")), (json{{"a", 1}, {"b", 2}}));
}

// -- Too late

TEST(events, one_that_does_not_come_in_time_is_left_along_the_timeout_route) {
  driven_run run = at_event();
  run.now += 10s;
  const decision made = run.deliver();
  EXPECT_EQ(facts_of(made), texts{"event_timed_out paid"});
  EXPECT_EQ(next_of(run, made), "remind");
  EXPECT_EQ(run.progress_of("paid").status, step_status::failed);
}

TEST(events, without_a_timeout_route_it_is_an_error) {
  driven_run run(read_workflow(
      R"([{"name": "e", "kind": "await_event", "await_event": {"name": "x", "timeout_ms": 1000}}, {"name": "r"}])",
      R"([{"from": "e", "to": "complete"}, {"from": "e", "on": "error", "to": "r"}, {"from": "r", "to": "complete"}])"));
  run.deliver();
  run.now += 1s;
  EXPECT_EQ(next_of(run, run.deliver()), "r");
}

TEST(events, without_any_route_the_run_fails) {
  driven_run run(
      read_workflow(R"([{"name": "e", "kind": "await_event", "await_event": {"name": "x", "timeout_ms": 1000}}])",
                    R"([{"from": "e", "to": "complete"}])"));
  run.deliver();
  run.now += 1s;
  EXPECT_EQ(run.deliver().status->status, run_status::failed);
  EXPECT_EQ(run.state.error->at("code"), "timeout");
}

TEST(events, a_job_that_comes_before_the_timeout_leaves_the_wait_as_it_is) {
  driven_run run = at_event();
  const time_point until = run.now + 10s;
  run.now += 9s;
  const decision made = run.deliver();
  EXPECT_EQ(facts_of(made), texts{"woken_early paid"});
  EXPECT_EQ(made.job, (job_change{.is = change::snooze, .at = until}));
}

/// At the end of the wait, the event and the timeout come one after the other.
TEST(events, of_an_event_and_its_timeout_exactly_one_wins) {
  driven_run event_first = at_event();
  event_first.now += 10s;
  event_first.on(payment(7));
  EXPECT_EQ(next_of(event_first, event_first.deliver()), "ship");
  EXPECT_EQ(event_first.state.context.at("paid"), 7);

  driven_run timeout_first = at_event();
  timeout_first.now += 10s;
  EXPECT_EQ(next_of(timeout_first, timeout_first.deliver()), "remind");
  EXPECT_EQ(facts_of(timeout_first.on(payment(7))), texts{"event_received"}) << "kept, though nothing takes it";
  EXPECT_FALSE(timeout_first.state.context.contains("paid"));
  EXPECT_EQ(timeout_first.current(), "remind");
}

/// Each of them is decided on what was before the other: the second one is refused by the journal's key.
TEST(events, an_event_and_its_timeout_claim_the_same_place_in_the_journal) {
  driven_run run = at_event();
  run.now += 10s;
  const decision by_event = run.consider(payment(7));
  const decision by_timeout = run.consider(event::delivered{});
  EXPECT_EQ(by_event.facts.at(0).seq, by_timeout.facts.at(0).seq);
}

// -- Commands

TEST(events, the_same_key_brings_one_event) {
  driven_run run(workflow());
  run.on(payment(7, "k"));
  const decision again = run.on(payment(7, "k"));
  EXPECT_TRUE(again.repeated);
  EXPECT_TRUE(again.facts.empty());
  EXPECT_EQ(run.state.events.at("payment").size(), 1U);
}

TEST(events, a_key_in_an_events_data_is_no_idempotency_key) {
  driven_run run(workflow());
  run.on(payment({{"key", "k"}}));
  EXPECT_FALSE(run.on(payment(7, "k")).repeated);
}

TEST(events, a_run_that_has_ended_or_is_ending_takes_none) {
  driven_run run = at_event();
  run.on(payment(7));
  run.deliver();
  driven_run ending = run;
  run.succeed();
  EXPECT_EQ(refusal_of(run.on(payment(8))), "run_has_ended");
  ending.on(event::cancelled{});
  EXPECT_EQ(refusal_of(ending.on(payment(8))), "run_is_ending");
}

TEST(events, text_that_is_not_utf8_is_refused) {
  for (const event::signalled& wrong : {event::signalled{.by = {}, .name = "caf\xE9", .data = 1},
                                        event::signalled{.by = {}, .name = "x", .data = {{"d", "caf\xE9"}}}}) {
    driven_run run(workflow());
    const decision made = run.on(wrong);
    ASSERT_TRUE(made.refusal);
    EXPECT_EQ(made.refusal->code, errc::invalid_argument);
    EXPECT_TRUE(made.facts.empty());
  }
}

}  // namespace
}  // namespace squid_mesh::testing
