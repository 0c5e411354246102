// Every reason why a run can be where it is, in the words that people read.
#include "inspect/explanation.h"

#include "inspect/seen_run.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

/// One step of a kind, and what follows it.
std::string one_step(const std::string& step, const std::string& more_transitions = "") {
  return R"({"name": "test.one", "triggers": [{"name": "manual",
                 "payload": [{"name": "token", "type": "string", "secret": true, "optional": true}]}],
             "steps": [)" +
         step + R"(], "transitions": [{"from": "ship", "to": "complete"})" + more_transitions + "]}";
}

constexpr auto action = R"({"name": "ship", "kind": "action",
  "retry": {"max_attempts": 3, "backoff": {"min_ms": 60000, "max_ms": 60000, "factor": 1, "jitter": 0}}})";
constexpr auto to_the_end = R"(, {"from": "ship", "on": "error", "to": "complete"})";

constexpr auto side_by_side = R"({"name": "test.side_by_side", "triggers": [{"name": "manual"}], "steps": [
  {"name": "left", "kind": "action"}, {"name": "right", "kind": "action"},
  {"name": "check", "kind": "pause", "pause": {"expires_in_ms": 0}},
  {"name": "join", "kind": "action", "after": ["left", "right"]}]})";

explanation explain(const seen_run& run) { return squid_mesh::explain(run.request, run.now).value(); }

texts actions_of(const explanation& why) {
  texts all;
  for (const next_action& each : why.next_actions) all.emplace_back(to_string(each.action));
  return all;
}

TEST(Explanation, WaitingForAWorker) {
  seen_run run(one_step(action));
  run.job("ship", jobs::state::available);
  const explanation why = explain(run);
  EXPECT_EQ(why.reason, run_reason::waiting_for_worker);
  EXPECT_EQ(why.summary, R"(Step "ship" has waited for a worker on queue "squid_mesh" since 2027-01-15 08:00:00 UTC.)");
  EXPECT_EQ(actions_of(why), (texts{"work", "cancel"}));
  EXPECT_EQ(why.next_actions[1].command, "squid-mesh runs cancel 01900000-0000-7000-8000-000000000001");
}

TEST(Explanation, WaitingToStart) {
  seen_run run(one_step(action));
  run.job("ship", jobs::state::scheduled, start_of_time + 1h);
  EXPECT_EQ(explain(run).reason, run_reason::waiting_to_start);
  EXPECT_EQ(explain(run).summary, R"(Nothing has begun; "ship" is to start at 2027-01-15 09:00:00 UTC.)");
  EXPECT_EQ(actions_of(explain(run)), (texts{"wait", "cancel"}));
  run.now += 2h;
  EXPECT_EQ(explain(run).summary,
            R"(Step "ship" has waited for a worker on queue "squid_mesh" since 2027-01-15 09:00:00 UTC.)");
}

TEST(Explanation, RunningAStep) {
  seen_run run(one_step(action));
  run.deliver("ship");
  run.job("ship", jobs::state::executing);
  const explanation why = explain(run);
  EXPECT_EQ(why.reason, run_reason::running_step);
  EXPECT_EQ(why.summary, R"(Step "ship" has been running on n1 since 2027-01-15 08:00:00 UTC (attempt 1 of 3).)");
  EXPECT_EQ(why.evidence.at("node"), "n1");
  EXPECT_EQ(why.evidence.at("attempt"), 1);
  EXPECT_EQ(why.evidence.at("max_attempts"), 3);
  EXPECT_EQ(why.evidence.at("job").at("state"), "executing");
}

TEST(Explanation, WaitingForARetry) {
  seen_run run(one_step(action));
  run.deliver("ship");
  run.fail("ship", retryable("no answer."));
  run.job("ship", jobs::state::scheduled, start_of_time + 60s);
  const explanation why = explain(run);
  EXPECT_EQ(why.reason, run_reason::waiting_for_retry);
  EXPECT_EQ(why.summary,
            R"(Step "ship" failed (attempt 1 of 3: no answer) and is tried again at 2027-01-15 08:01:00 UTC.)");
  EXPECT_EQ(why.evidence.at("attempt"), 2);
  EXPECT_EQ(why.evidence.at("error").at("message"), "no answer.");
  run.now += 2min;
  EXPECT_EQ(explain(run).summary,
            R"(Step "ship" has waited for a worker on queue "squid_mesh" since 2027-01-15 08:01:00 UTC.)");
}

TEST(Explanation, WaitingForTime) {
  seen_run run(one_step(R"({"name": "ship", "kind": "wait", "wait": {"duration_ms": 60000}})"));
  run.deliver("ship");
  run.job("ship", jobs::state::scheduled, start_of_time + 60s);
  EXPECT_EQ(explain(run).reason, run_reason::waiting_for_time);
  EXPECT_EQ(explain(run).summary, R"(Step "ship" waits until 2027-01-15 08:01:00 UTC.)");
}

TEST(Explanation, WaitingForAnEvent) {
  seen_run run(one_step(R"({"name": "ship", "kind": "await_event",
                            "await_event": {"name": "it's paid", "timeout_ms": 60000}})"));
  run.deliver("ship");
  run.job("ship", jobs::state::scheduled, start_of_time + 60s);
  const explanation why = explain(run);
  EXPECT_EQ(why.reason, run_reason::waiting_for_event);
  EXPECT_EQ(why.summary,
            "Step \"ship\" has waited for the event \"it's paid\" since 2027-01-15 08:00:00 UTC; gives up "
            "at 2027-01-15 08:01:00 UTC if it does not come.");
  EXPECT_EQ(actions_of(why), (texts{"signal", "cancel"}));
  EXPECT_EQ(why.next_actions[0].call, R"(mesh.signal_run(RUN, "it's paid", DATA))");
  EXPECT_EQ(why.next_actions[0].command,
            R"(squid-mesh runs signal 01900000-0000-7000-8000-000000000001 'it'\''s paid' --data JSON)");
  EXPECT_EQ(why.evidence.at("event"), "it's paid");
}

TEST(Explanation, Paused) {
  seen_run run(one_step(R"({"name": "ship", "kind": "pause", "pause": {"expires_in_ms": 0}})"));
  run.deliver("ship");
  const explanation why = explain(run);
  EXPECT_EQ(why.reason, run_reason::paused);
  EXPECT_EQ(why.summary, R"(Paused at "ship" since 2027-01-15 08:00:00 UTC until somebody unblocks it.)");
  EXPECT_EQ(actions_of(why), (texts{"unblock", "cancel"}));
  EXPECT_EQ(why.next_actions[0].command, "squid-mesh runs unblock 01900000-0000-7000-8000-000000000001 --actor NAME");
}

TEST(Explanation, WaitingForApproval) {
  seen_run run(one_step(R"({"name": "ship", "kind": "approval", "approval": {"quorum": 2, "expires_in_ms": 3600000}})",
                        to_the_end));
  run.deliver("ship");
  run.now += 1min;
  run.approve("ana");
  const explanation why = explain(run);
  EXPECT_EQ(why.reason, run_reason::waiting_for_approval);
  EXPECT_EQ(why.status, run_status::paused);
  EXPECT_EQ(why.summary,
            R"(Waiting for approval of "ship" since 2027-01-15 08:00:00 UTC: 1 of 2 people have approved; )"
            R"(rejected at 2027-01-15 09:00:00 UTC if nobody decides.)");
  EXPECT_EQ(actions_of(why), (texts{"approve", "reject", "cancel"}));
  EXPECT_EQ(why.next_actions[0].description, R"(Approve "ship", as somebody else than "ana".)");
  EXPECT_EQ(why.next_actions[0].call, "mesh.approve_run(RUN, {.actor = NAME})");
  EXPECT_EQ(why.next_actions[0].command, "squid-mesh runs approve 01900000-0000-7000-8000-000000000001 --actor NAME");
  EXPECT_EQ(why.evidence.at("approvals"), (json{"ana"}));
  EXPECT_EQ(why.evidence.at("quorum"), 2);
  EXPECT_EQ(why.evidence.at("until"), "2027-01-15T09:00:00.000000Z");
}

TEST(Explanation, ParkedWithoutAHandler) {
  seen_run run(one_step(action));
  run.deliver("ship");
  run.on(event::no_handler{run.attempt("ship")});
  run.job("ship", jobs::state::scheduled, start_of_time + 15s);
  const explanation why = explain(run);
  EXPECT_EQ(why.reason, run_reason::parked_without_handler);
  EXPECT_EQ(why.summary,
            R"(Step "ship" waits for a process that has a handler for it since 2027-01-15 08:00:00 UTC; n1 has none.)");
  EXPECT_EQ(actions_of(why), (texts{"add_handler", "cancel"}));
}

TEST(Explanation, AMissingJobWillBeMended) {
  seen_run run(one_step(action));
  EXPECT_EQ(explain(run).reason, run_reason::job_missing);
  EXPECT_EQ(explain(run).summary, R"(Step "ship" has lost its place on the queue; a worker gives it a new one soon.)");
  run.job("ship", jobs::state::cancelled);
  EXPECT_EQ(explain(run).reason, run_reason::job_missing);
}

TEST(Explanation, TheBranchThatNeedsAPersonDecides) {
  seen_run run(side_by_side);
  run.deliver("left");
  run.deliver("check");
  run.job("left", jobs::state::executing);
  run.job("right", jobs::state::available);
  explanation why = explain(run);
  EXPECT_EQ(why.reason, run_reason::paused);
  EXPECT_EQ(why.summary, R"(Paused at "check" since 2027-01-15 08:00:00 UTC until somebody unblocks it; "left" and )"
                         R"("right" are active, too.)");
  texts reasons;
  for (const json& branch : why.evidence.at("branches")) reasons.push_back(branch.at("reason"));
  EXPECT_EQ(reasons, (texts{"paused", "running_step", "waiting_for_worker"}));
  run.on(event::unblocked{.by = {}, .step = {}});
  EXPECT_EQ(explain(run).reason, run_reason::running_step);
}

TEST(Explanation, ABranchThatWaitsForItsSiblingsIsEvidence) {
  seen_run run(side_by_side);
  run.deliver("left");
  run.succeed("left");
  const json branches = explain(run).evidence.at("branches");
  EXPECT_EQ(branches.back().at("reason"), "waiting_for_siblings");
  EXPECT_EQ(branches.back().at("step"), "join");
  EXPECT_EQ(branches.back().at("waits_for"), (json{"right"}));
}

TEST(Explanation, SeveralGatesAreToldApart) {
  seen_run run(R"({"name": "test.gates", "triggers": [{"name": "manual"}], "steps": [
    {"name": "a", "kind": "pause", "pause": {"expires_in_ms": 0}},
    {"name": "b c", "kind": "pause", "pause": {"expires_in_ms": 0}},
    {"name": "last", "kind": "action", "after": ["a", "b c"]}]})");
  run.deliver("a");
  run.deliver("b c");
  const explanation why = explain(run);
  ASSERT_EQ(actions_of(why), (texts{"unblock", "unblock", "cancel"}));
  EXPECT_EQ(why.next_actions[1].call, R"(mesh.unblock_run(RUN, {.actor = NAME, .step = "b c"}))");
  EXPECT_EQ(why.next_actions[1].command,
            "squid-mesh runs unblock 01900000-0000-7000-8000-000000000001 --actor NAME --step 'b c'");
}

TEST(Explanation, Cancelling) {
  seen_run run(side_by_side);
  run.deliver("left");
  run.job("left", jobs::state::executing);
  run.cancel("ana", "not needed", {"right", "check"});
  EXPECT_EQ(explain(run).reason, run_reason::cancelling);
  EXPECT_EQ(
      explain(run).summary,
      R"(Being cancelled by ana since 2027-01-15 08:00:00 UTC (not needed); this is done when "left" has ended.)");
  EXPECT_EQ(actions_of(explain(run)), (texts{"wait"}));
  EXPECT_EQ(explain(run).evidence.at("by"), "ana");
  run.succeed("left");
  EXPECT_EQ(explain(run).reason, run_reason::cancelled);
  EXPECT_EQ(explain(run).summary, "Cancelled at 2027-01-15 08:00:00 UTC by ana (not needed).");
  EXPECT_EQ(actions_of(explain(run)), (texts{"replay"}));
}

TEST(Explanation, Failing) {
  seen_run run(side_by_side);
  run.deliver("left");
  run.fail("left", permanent("card refused"));
  EXPECT_EQ(explain(run).reason, run_reason::failing);
  EXPECT_EQ(explain(run).summary, R"(Step "left" failed at 2027-01-15 08:00:00 UTC (card refused); the run fails when )"
                                  R"("right" and "check" have ended.)");
  EXPECT_EQ(explain(run).evidence.at("failed_step"), "left");
  run.deliver("check");
  run.succeed("right");
  EXPECT_EQ(explain(run).summary, R"(Failed at 2027-01-15 08:00:00 UTC in step "left": card refused.)");
}

TEST(Explanation, TheDeadlineHasPassed) {
  seen_run run(side_by_side, {.payload = "{}", .deadline = start_of_time + 1min});
  run.deliver("left");
  run.job("left", jobs::state::executing);
  run.now += 1min;
  run.on(event::deadline_reached{.idle = {run.branch_at("right"), run.branch_at("check")}});
  EXPECT_EQ(explain(run).reason, run_reason::deadline_passed);
  EXPECT_EQ(explain(run).summary,
            R"(Its deadline passed at 2027-01-15 08:01:00 UTC; the run fails when "left" has ended.)");
  run.succeed("left");
  EXPECT_EQ(explain(run).reason, run_reason::deadline_passed);
  EXPECT_EQ(explain(run).summary, "Failed at 2027-01-15 08:01:00 UTC, because its deadline had passed.");
  EXPECT_EQ(explain(run).evidence.at("deadline"), "2027-01-15T08:01:00.000000Z");
  EXPECT_EQ(actions_of(explain(run)), (texts{"retry", "replay"}));
}

TEST(Explanation, Completed) {
  seen_run run(one_step(action));
  run.deliver("ship");
  run.succeed("ship");
  EXPECT_EQ(explain(run).reason, run_reason::completed);
  EXPECT_EQ(explain(run).summary, "Completed at 2027-01-15 08:00:00 UTC after 1 step.");
  EXPECT_EQ(actions_of(explain(run)), (texts{"replay"}));
}

TEST(Explanation, SaysWhatAReplayWouldDoAgain) {
  seen_run run(one_step(R"({"name": "ship", "kind": "action", "irreversible": true})"));
  run.deliver("ship");
  run.succeed("ship");
  const next_action replay = explain(run).next_actions.at(0);
  EXPECT_TRUE(replay.description.contains("ship")) << replay.description;
  EXPECT_EQ(replay.call, "mesh.replay_run(RUN, {.allow_irreversible = true})");
}

TEST(Explanation, Failed) {
  seen_run run(one_step(action));
  run.deliver("ship");
  for (int i = 0; i < 3; ++i) run.fail("ship", retryable("no answer"));
  const explanation why = explain(run);
  EXPECT_EQ(why.reason, run_reason::failed);
  EXPECT_EQ(why.summary, R"(Failed at 2027-01-15 08:00:00 UTC in step "ship" after 3 attempts: no answer.)");
  EXPECT_EQ(actions_of(why), (texts{"retry", "replay"}));
  EXPECT_EQ(why.next_actions[0].call, "mesh.retry_run(RUN, {{.actor = NAME}})");
}

TEST(Explanation, IsJson) {
  seen_run run(one_step(R"({"name": "ship", "kind": "pause", "pause": {"expires_in_ms": 60000}})"));
  run.deliver("ship");
  run.on(event::signalled{.by = {}, .name = "early", .data = 1});
  const json branch = {{"step", "ship"},
                       {"kind", "pause"},
                       {"reason", "paused"},
                       {"since", "2027-01-15T08:00:00.000000Z"},
                       {"until", "2027-01-15T08:01:00.000000Z"},
                       {"on_expiry", "error"}};
  json evidence = branch;
  evidence["branches"].push_back(branch);
  evidence["pending_events"].push_back({{"name", "early"}, {"count", 1}});
  const std::string id = "01900000-0000-7000-8000-000000000001";
  const json unblock = {{"action", "unblock"},
                        {"description", "End the pause \"ship\"."},
                        {"call", "mesh.unblock_run(RUN, {.actor = NAME})"},
                        {"command", "squid-mesh runs unblock " + id + " --actor NAME"}};
  const json cancel = {{"action", "cancel"},
                       {"description", "Cancel the run."},
                       {"call", "mesh.cancel_run(RUN, {.actor = NAME})"},
                       {"command", "squid-mesh runs cancel " + id}};
  const json shown = {{"run", id},
                      {"workflow", "test.one"},
                      {"status", "paused"},
                      {"reason", "paused"},
                      {"summary",
                       "Paused at \"ship\" since 2027-01-15 08:00:00 UTC until somebody unblocks it; expires at "
                       "2027-01-15 08:01:00 UTC if nobody does."},
                      {"next_actions", json::array({unblock, cancel})},
                      {"evidence", evidence}};
  EXPECT_EQ(to_json(explain(run)), shown);
}

TEST(Explanation, SecretsAreMasked) {
  seen_run run(one_step(action), {.payload = R"({"token": "s3cret-token"})"});
  run.deliver("ship");
  run.fail("ship", permanent("s3cret-token expired"));
  EXPECT_EQ(to_json(explain(run)).dump().find("s3cret-token"), std::string::npos);
  EXPECT_EQ(explain(run).summary, R"(Failed at 2027-01-15 08:00:00 UTC in step "ship": ******** expired.)");
}

TEST(Explanation, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(run_reason::cancelled); ++i) {
    names.insert(to_string(static_cast<run_reason>(i)));
  }
  EXPECT_EQ(names.size(), 20U);
  EXPECT_EQ(to_string(run_reason::waiting_for_siblings), "waiting_for_siblings");
  EXPECT_EQ(to_string(run_reason::cancelled), "cancelled");
  EXPECT_EQ(to_string(run_action::cancel), "cancel");
}

}  // namespace
}  // namespace squid_mesh::testing
