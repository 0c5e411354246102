// What people see of runs of every shape.
#include "inspect/view.h"

#include "inspect/seen_run.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

constexpr auto side_by_side = R"({"name": "test.side_by_side", "triggers": [{"name": "manual"}], "steps": [
  {"name": "left", "kind": "action", "output": "left"},
  {"name": "right", "kind": "action", "output": "right"},
  {"name": "join", "kind": "action", "output": "joined", "after": ["left", "right"]}]})";

constexpr auto shipping = R"({"name": "test.shipping", "triggers": [{"name": "manual", "payload": [
    {"name": "order", "type": "string", "default": "o1"},
    {"name": "token", "type": "string", "secret": true, "optional": true},
    {"name": "vip", "type": "boolean", "secret": true, "optional": true}]}],
  "steps": [
    {"name": "charge", "kind": "action", "input": [{"name": "order", "path": "order"}, {"name": "flag", "path": "vip"}],
     "retry": {"max_attempts": 2, "backoff": {"min_ms": 1000, "max_ms": 1000, "factor": 1, "jitter": 0}}},
    {"name": "ship", "kind": "approval", "approval": {"quorum": 2, "expires_in_ms": 60000}},
    {"name": "paid", "kind": "await_event", "await_event": {"name": "payment", "timeout_ms": 30000}},
    {"name": "refund", "kind": "action"}],
  "transitions": [
    {"from": "charge", "to": "ship"}, {"from": "ship", "to": "paid"}, {"from": "ship", "on": "error", "to": "refund"},
    {"from": "paid", "to": "complete"}, {"from": "refund", "to": "complete"}]})";

constexpr auto polling = R"({"name": "test.polling", "triggers": [{"name": "manual"}], "steps": [
    {"name": "poll", "kind": "action"}, {"name": "rest", "kind": "wait", "wait": {"duration_ms": 5000}}],
  "transitions": [
    {"from": "poll", "to": "rest", "when": {"path": "ready", "equals": false}}, {"from": "poll", "to": "complete"},
    {"from": "rest", "to": "poll", "at_most": 2}, {"from": "rest", "to": "complete"}]})";

seen_run at_gate(std::string payload = R"({"order": "o1", "vip": true})") {
  seen_run run(shipping, {.payload = std::move(payload)});
  run.deliver("charge");
  run.succeed("charge", {{"charged", 5}});
  return run;
}

texts history_of(const seen_run& run) {
  texts all;
  for (const audit_event& e : run.view().history) all.push_back(e.kind + ": " + e.text);
  return all;
}

TEST(View, ShowsWhatRunsOnEachBranch) {
  seen_run run(side_by_side);
  run.deliver("left");
  run.job("left", jobs::state::executing);
  run.job("right", jobs::state::available);
  const run_view seen = run.view();
  EXPECT_EQ(seen.status, run_status::pending);
  EXPECT_EQ(seen.current_steps, (texts{"left", "right"}));
  EXPECT_EQ(seen.current_step, std::nullopt);
  EXPECT_EQ(seen.steps[0].status, step_status::running);
  ASSERT_EQ(seen.steps[0].attempts.size(), 1U);
  EXPECT_EQ(seen.steps[0].attempts[0].node, "n1");
  EXPECT_EQ(seen.steps[0].attempts[0].status, attempt_status::running);
  EXPECT_EQ(seen.steps[1].status, step_status::pending);
  EXPECT_EQ(seen.steps[2].status, step_status::pending);
  EXPECT_EQ(seen.steps[2].visits, 0);
  EXPECT_EQ(seen.steps[2].input, std::nullopt);
}

TEST(View, AnAttemptBeganWhenItsPredecessorHadEnded) {
  seen_run run(side_by_side);
  run.deliver("left");
  run.job("left", jobs::state::executing);
  run.now += 3s;
  run.on(event::interrupted{run.attempt("left")});
  const step_view left = run.step("left");
  ASSERT_EQ(left.attempts.size(), 2U);
  EXPECT_EQ(left.attempts[0].status, attempt_status::interrupted);
  EXPECT_EQ(left.attempts[1].number, 2);
  EXPECT_EQ(left.attempts[1].started_at, start_of_time + 3s);
}

TEST(View, AStepOfDependenciesReadsWhatCameBeforeIt) {
  seen_run run(side_by_side, {.payload = R"({"a": 1})"});
  run.deliver("left");
  run.succeed("left", 1);
  run.succeed("right", 2);
  EXPECT_EQ(run.step("right").input, (json{{"a", 1}})) << "not what stands beside it";
  EXPECT_EQ(run.step("join").input, (json{{"a", 1}, {"left", 1}, {"right", 2}}));
  EXPECT_EQ(run.view().current_step, "join");
}

TEST(View, AGateIsRunningAndItsDecisionIsItsOutput) {
  seen_run run = at_gate();
  EXPECT_EQ(run.view().status, run_status::paused);
  EXPECT_EQ(run.step("ship").status, step_status::running);
  EXPECT_EQ(run.step("ship").until, start_of_time + 60s);
  run.approve("ana");
  run.approve("bo");
  const step_view ship = run.step("ship");
  EXPECT_EQ(ship.status, step_status::completed);
  EXPECT_EQ(ship.until, std::nullopt);
  EXPECT_EQ(ship.output.value().at("decision"), "approved");
  EXPECT_EQ(ship.output.value().at("actor"), "bo");
}

TEST(View, ARejectedGateHasAnErrorAndItsDecision) {
  seen_run run = at_gate();
  run.on(event::rejected{.by = {.actor = "bo", .reason = "too late"}, .step = {}});
  const step_view ship = run.step("ship");
  EXPECT_EQ(ship.status, step_status::failed);
  EXPECT_EQ(ship.error.value().at("kind"), "rejected");
  EXPECT_EQ(ship.output.value().at("comment"), "too late");
  EXPECT_EQ(run.view().current_step, "refund");
}

TEST(View, EventsAreAwaitedKeptAndTaken) {
  seen_run run = at_gate();
  for (const int amount : {1, 2}) run.on(event::signalled{.by = {}, .name = "payment", .data = {{"amount", amount}}});
  ASSERT_EQ(run.view().pending_events.size(), 1U);
  EXPECT_EQ(to_json(run.view().pending_events[0]), (json{{"name", "payment"}, {"count", 2}}));
  run.approve("ana");
  run.approve("bo");
  run.deliver("paid");
  EXPECT_EQ(run.step("paid").output, (json{{"amount", 1}}));
  EXPECT_EQ(run.view().pending_events[0].count, 1U);
  EXPECT_EQ(run.view().status, run_status::completed);
  EXPECT_EQ(run.step("refund").status, step_status::skipped);
}

TEST(View, AnEventThatDoesNotComeIsAnError) {
  seen_run run = at_gate();
  run.approve("ana");
  run.approve("bo");
  run.deliver("paid");
  EXPECT_EQ(run.step("paid").status, step_status::waiting);
  EXPECT_EQ(run.step("paid").until, start_of_time + 30s);
  run.now += 30s;
  run.deliver("paid");
  EXPECT_EQ(run.step("paid").error.value().at("code"), "timeout");
  EXPECT_EQ(run.view().error.value().at("kind"), "event");
}

TEST(View, WhatEndsAfterACancellationIsShownButDoesNotCount) {
  seen_run run(side_by_side);
  run.deliver("left");
  run.job("left", jobs::state::executing);
  run.cancel("ana", "not needed", {"right"});
  EXPECT_EQ(run.view().status, run_status::cancelling);
  EXPECT_EQ(run.step("left").attempts.at(0).status, attempt_status::running);
  run.succeed("left", {{"x", 1}});
  const run_view seen = run.view();
  EXPECT_EQ(seen.status, run_status::cancelled);
  ASSERT_EQ(seen.attempts.size(), 1U);
  EXPECT_EQ(seen.attempts[0].status, attempt_status::cancelled);
  EXPECT_EQ(seen.attempts[0].output, (json{{"x", 1}}));
  EXPECT_EQ(seen.steps[0].output, std::nullopt);
  EXPECT_EQ(seen.steps[1].status, step_status::cancelled);
  EXPECT_EQ(seen.steps[2].status, step_status::skipped);
}

TEST(View, EachVisitReadsTheContextOfItsTime) {
  seen_run run(polling);
  run.deliver("poll");
  run.succeed("poll", {{"ready", false}});
  run.now += 5s;
  run.deliver("rest");
  EXPECT_EQ(run.step("poll").visits, 2);
  EXPECT_EQ(run.step("rest").status, step_status::completed);
  EXPECT_EQ(run.step("poll").input, (json{{"ready", false}})) << "what it would read now";
  run.succeed("poll", {{"ready", true}});
  EXPECT_EQ(run.step("poll").input, (json{{"ready", false}})) << "what it read, not what it left";
  EXPECT_EQ(run.step("poll").output, (json{{"ready", true}}));
}

TEST(View, ARetriedRunHasAnEditedInputAndTwoEnds) {
  seen_run run(side_by_side);
  run.deliver("left");
  run.succeed("left", 1);
  run.fail("right", permanent("broken"));
  EXPECT_EQ(run.step("right").error.value().at("message"), "broken");
  run.on(event::retried{.by = {.actor = "ana", .reason = "repaired"}, .inputs = {{"right", {{"b", 2}}}}});
  EXPECT_EQ(run.step("right").input, (json{{"b", 2}}));
  EXPECT_EQ(run.view().error, std::nullopt);
  run.succeed("right", 2);
  EXPECT_EQ(run.step("right").error, std::nullopt);
  run.succeed("join", 3);
  const texts told{
      R"(run_started: Started by trigger "manual".)",
      R"(step_completed: Step "left" completed.)",
      R"(step_failed: Step "right" failed: broken; that is final.)",
      "run_failed: The run failed: broken.",
      "retry_requested: ana let the run go on where it failed: repaired.",
      R"(step_completed: Step "right" completed.)",
      R"(step_completed: Step "join" completed.)",
      "run_completed: The run completed.",
  };
  EXPECT_EQ(history_of(run), told);
  EXPECT_EQ(run.view().history[4].details,
            (json{{"actor", "ana"}, {"reason", "repaired"}, {"input", {{"right", {{"b", 2}}}}}, {"node", "n1"}}));
}

TEST(View, TellsWhatPeopleAndEventsDid) {
  seen_run run = at_gate();
  run.on(event::signalled{.by = {.actor = "shop", .key = "k1"}, .name = "payment", .data = 7});
  run.on(event::approved{.by = {.actor = "ana", .reason = "fine", .metadata = {{"form", 3}}}, .step = {}});
  run.approve("bo");
  run.deliver("paid");
  const texts told{
      R"(run_started: Started by trigger "manual".)",
      R"(step_completed: Step "charge" completed.)",
      R"(gate_opened: Step "ship" waits for the approval of 2 people until 2027-01-15 08:01:00 UTC.)",
      R"(event_received: The event "payment" came from shop.)",
      R"(gate_voted: ana approved "ship" (1 of 2): fine.)",
      R"(gate_approved: bo approved "ship", as the last one needed.)",
      R"(event_taken: Step "paid" took the event "payment".)",
      "run_completed: The run completed.",
  };
  EXPECT_EQ(history_of(run), told);
  const auto history = run.view().history;
  EXPECT_EQ(history[2].details,
            (json{{"quorum", 2}, {"until", "2027-01-15T08:01:00.000000Z"}, {"on_expiry", "reject"}, {"node", "n1"}}));
  EXPECT_EQ(history[3].details,
            (json{{"actor", "shop"}, {"key", "k1"}, {"event", "payment"}, {"data", 7}, {"node", "n1"}}));
  EXPECT_EQ(history[4].details,
            (json{{"actor", "ana"}, {"comment", "fine"}, {"metadata", {{"form", 3}}}, {"node", "n1"}}));
}

TEST(View, TellsWhatWentWrong) {
  seen_run run(shipping, {.payload = R"({"order": "o1", "vip": true})"});
  run.deliver("charge");
  run.on(event::no_handler{run.attempt("charge")});
  run.on(event::interrupted{run.attempt("charge")});
  run.fail("charge", retryable("no answer."));
  run.on(event::worker_died{.branch = 0, .node = "n2", .since = run.now});
  const texts told{
      R"(run_started: Started by trigger "manual".)",
      R"(step_parked: n1 has no handler for step "charge"; the run waits for a process that has one.)",
      R"(attempt_interrupted: Step "charge" was interrupted, because n1 shut down; it runs again.)",
      R"(step_failed: Step "charge" failed: no answer; it is tried again at 2027-01-15 08:00:01 UTC.)",
      R"(attempt_lost: n2 died during step "charge"; it isn't tried again.)",
      "run_failed: The run failed: the worker died during the attempt.",
  };
  EXPECT_EQ(history_of(run), told);
}

TEST(View, TellsOfRecoveries) {
  seen_run run(R"({"name": "test.order", "triggers": [{"name": "manual"}],
    "steps": [{"name": "reserve"}, {"name": "charge"}, {"name": "release"}, {"name": "apologise"}],
    "transitions": [{"from": "reserve", "to": "charge"}, {"from": "charge", "to": "complete"},
                    {"from": "reserve", "on": "error", "to": "apologise"},
                    {"from": "charge", "on": "error", "to": "release", "recovery": "undo"},
                    {"from": "release", "on": "error", "to": "apologise", "recovery": "compensation"},
                    {"from": "release", "to": "complete"}, {"from": "apologise", "to": "complete"}]})");
  run.deliver("reserve");
  run.succeed("reserve");
  run.fail("charge", permanent("no money"));
  run.fail("release", permanent("it is gone"));
  run.succeed("apologise");
  const texts told{
      R"(run_started: Started by trigger "manual".)",
      R"(step_completed: Step "reserve" completed.)",
      R"(step_failed: Step "charge" failed: no money; that is final.)",
      R"(undo_begun: Undoing what was done begins, because step "charge" failed: with step "release".)",
      R"(step_failed: Step "release" failed: it is gone; that is final.)",
      R"(compensation_begun: Compensation begins, because step "release" failed: with step "apologise".)",
      R"(step_completed: Step "apologise" completed.)",
      "run_completed: The run completed.",
  };
  EXPECT_EQ(history_of(run), told);
}

TEST(View, TellsOfTheEnding) {
  seen_run run(side_by_side);
  run.deliver("left");
  run.on(event::deadline_reached{.idle = {run.branch_at("right")}});
  run.succeed("left");
  const texts told{
      R"(run_started: Started by trigger "manual".)",
      "deadline_passed: The run's deadline passed.",
      R"(attempt_discarded: Step "left" ended when its result was not wanted any more.)",
      "run_failed: The run failed: the run's deadline has passed.",
  };
  EXPECT_EQ(history_of(run), told);
}

TEST(View, ShowsHowARunBegan) {
  const seen_run run(shipping, {.payload = R"({"order": "o1"})",
                                .priority = 3,
                                .start_key = "order-1",
                                .deadline = start_of_time + 1h,
                                .origin = R"({"schedule": {"at": "2027-01-15T08:00:00Z"}, "actor": "ana",
                                              "replay_of": "01900000-0000-7000-8000-000000000009"})"});
  const run_view seen = run.view();
  EXPECT_EQ(seen.queue, "squid_mesh");
  EXPECT_EQ(seen.priority, 3);
  EXPECT_EQ(seen.deadline, start_of_time + 1h);
  EXPECT_EQ(seen.start_key, "order-1");
  EXPECT_EQ(to_string(seen.replay_of.value()), "01900000-0000-7000-8000-000000000009");
  EXPECT_EQ(seen.context, (json{{"order", "o1"}, {"schedule", {{"at", "2027-01-15T08:00:00Z"}}}}));
  EXPECT_EQ(seen.history[0].text,
            "Started by trigger \"manual\", as scheduled, as a replay of run 01900000-0000-7000-8000-000000000009, by "
            "ana.");
  const json shown = to_json(seen);
  EXPECT_EQ(shown["priority"], 3);
  EXPECT_EQ(shown["deadline"], "2027-01-15T09:00:00.000000Z");
  EXPECT_EQ(shown["current_steps"], (json{"charge"}));
  EXPECT_EQ(shown["steps"][0]["visits"], 1);
}

TEST(View, SecretsAreMaskedEverywhere) {
  seen_run run = at_gate(R"({"order": "o1", "token": "s3cret-token", "vip": true})");
  run.on(event::signalled{.by = {.actor = "s3cret-token"}, .name = "s3cret-token", .data = "s3cret-token"});
  run.on(event::rejected{.by = {.actor = "bo", .reason = "it says s3cret-token"}, .step = {}});
  run.fail("refund", permanent("s3cret-token expired"));
  const run_view seen = run.view();
  EXPECT_EQ(to_json(seen).dump().find("s3cret-token"), std::string::npos) << to_json(seen).dump(2);
  EXPECT_EQ(seen.payload.at("vip"), "********");
  EXPECT_EQ(seen.context.at("vip"), "********");
  EXPECT_EQ(seen.steps[0].input, (json{{"order", "o1"}, {"flag", "********"}}));
  EXPECT_EQ(seen.steps[3].input.value().at("vip"), "********");
}

TEST(View, ADamagedJournalIsSaid) {
  seen_run run = at_gate();
  run.request.history.facts.erase(run.request.history.facts.begin());
  EXPECT_EQ(view_run(run.request).error().code, errc::storage);
}

}  // namespace
}  // namespace squid_mesh::testing
