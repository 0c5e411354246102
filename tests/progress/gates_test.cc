// Steps that wait for people.
#include "progress/decide.h"
#include "progress/driven_run.h"

#include <gtest/gtest.h>

#include <string>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using change = job_change::kind;

/// check (approval) -> yes, or no on error.
driven_run at_approval(const char* approval) {
  const std::string steps = R"([{"name": "check", "kind": "approval", "approval": )" + std::string(approval) +
                            R"(}, {"name": "yes"}, {"name": "no"}])";
  driven_run run(read_workflow(steps.c_str(), R"([
      {"from": "check", "to": "yes"}, {"from": "check", "on": "error", "to": "no"},
      {"from": "yes", "to": "complete"}, {"from": "no", "to": "complete"}])"));
  run.deliver();
  return run;
}

/// check (pause) -> next; on error there is no way.
driven_run at_pause(const char* pause = "{}") {
  const std::string steps =
      R"([{"name": "check", "kind": "pause", "pause": )" + std::string(pause) + R"(}, {"name": "next"}])";
  driven_run run(
      read_workflow(steps.c_str(), R"([{"from": "check", "to": "next"}, {"from": "next", "to": "complete"}])"));
  run.deliver();
  return run;
}

event::approved approval_by(const char* actor, const char* key = "") { return {.by = {.actor = actor, .key = key}}; }

// -- Opening

TEST(gates, an_open_gate_holds_no_worker_and_the_run_is_paused) {
  driven_run run(read_workflow(R"([{"name": "check", "kind": "pause"}])", R"([{"from": "check", "to": "complete"}])"));
  const decision made = run.deliver();
  EXPECT_EQ(facts_of(made), texts{"gate_opened check"});
  EXPECT_EQ(json::parse(made.facts.at(0).data), (json{{"quorum", 1}, {"on_expiry", "error"}}));
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(made.releases, run.index_of("check")) << "no job is missing while nobody decides";
  EXPECT_EQ(made.status->status, run_status::paused);
}

TEST(gates, a_gate_that_expires_keeps_its_job_for_that_moment) {
  driven_run run(read_workflow(R"([{"name": "check", "kind": "pause", "pause": {"expires_in_ms": 60000}}])",
                               R"([{"from": "check", "to": "complete"}])"));
  const decision made = run.deliver();
  EXPECT_EQ(made.job, (job_change{.is = change::snooze, .at = run.now + 60s}));
  EXPECT_FALSE(made.releases);
  EXPECT_EQ(made.status->status, run_status::paused);
}

TEST(gates, a_job_that_comes_to_an_open_gate_changes_nothing_but_is_journaled) {
  driven_run run = at_pause();
  const decision stray = run.deliver();
  EXPECT_EQ(facts_of(stray), texts{"woken_early check"});
  EXPECT_EQ(stray.job.is, change::finish);
  EXPECT_TRUE(stray.releases);
  EXPECT_EQ(run.state.status(), run_status::paused);
}

// -- Deciding

TEST(gates, unblocking_a_pause_wakes_its_branch_and_the_next_step_runs) {
  driven_run run = at_pause();
  run.now += 5s;
  const decision made = run.on(event::unblocked{.by = {.actor = "ada", .reason = "fine", .metadata = {{"t", 1}}}});
  EXPECT_EQ(facts_of(made), texts{"gate_unblocked check"});
  EXPECT_EQ(run.names_of(made.woken), texts{"check"}) << "branches are named by their first step";
  EXPECT_EQ(made.status->status, run_status::running);
  EXPECT_FALSE(made.run_next) << "who gives a command runs nothing";
  EXPECT_EQ(next_of(run, run.deliver()), "next");
}

TEST(gates, the_decision_is_the_output_under_the_steps_name) {
  driven_run run = at_pause();
  run.now += 5s;
  run.on(event::unblocked{.by = {.actor = "ada", .reason = "fine", .metadata = {{"t", 1}}}});
  EXPECT_EQ(run.state.context, (json{{"check",
                                      {{"decision", "unblocked"},
                                       {"actor", "ada"},
                                       {"at", to_string(run.now)},
                                       {"comment", "fine"},
                                       {"metadata", {{"t", 1}}}}}}));
}

TEST(gates, the_decision_goes_under_the_declared_key) {
  driven_run run(read_workflow(R"([{"name": "check", "kind": "pause", "output": "verdict"}])",
                               R"([{"from": "check", "to": "complete"}])"));
  run.deliver();
  run.on(event::unblocked{});
  EXPECT_EQ(run.state.context.at("verdict").at("decision"), "unblocked");
  EXPECT_EQ(run.state.context.at("verdict").at("actor"), nullptr);
  EXPECT_FALSE(run.state.context.contains("check"));
  EXPECT_EQ(run.state.status(), run_status::completed);
}

TEST(gates, as_many_people_as_the_quorum_have_to_approve) {
  driven_run run = at_approval(R"({"quorum": 3})");
  for (const char* actor : {"ada", "ben"}) {
    const decision made = run.on(approval_by(actor));
    EXPECT_EQ(facts_of(made), texts{"gate_voted check"});
    EXPECT_TRUE(made.woken.empty());
    EXPECT_FALSE(made.status) << "the run stays paused";
  }
  const decision last = run.on(approval_by("cleo"));
  EXPECT_EQ(facts_of(last), texts{"gate_approved check"});
  EXPECT_EQ(last.woken.size(), 1U);
  EXPECT_EQ(next_of(run, run.deliver()), "yes");
  const json& output = run.state.context.at("check");
  EXPECT_EQ(output.at("decision"), "approved");
  EXPECT_EQ(output.at("actor"), "cleo") << "the one whose approval was missing";
  texts actors;
  for (const json& each : output.at("approvals")) {
    actors.push_back(each.at("actor"));
    EXPECT_TRUE(each.contains("at"));
  }
  EXPECT_EQ(actors, (texts{"ada", "ben", "cleo"}));
}

TEST(gates, nobody_approves_twice) {
  driven_run run = at_approval(R"({"quorum": 2})");
  run.on(approval_by("ada"));
  const decision again = run.on(approval_by("ada"));
  EXPECT_EQ(refusal_of(again), "already_approved");
  EXPECT_TRUE(again.facts.empty());
  EXPECT_EQ(run.current(), "check");
  EXPECT_EQ(facts_of(run.on(approval_by("ben"))), texts{"gate_approved check"});
}

TEST(gates, one_rejection_is_enough_and_takes_the_error_route) {
  driven_run run = at_approval(R"({"quorum": 2})");
  run.on(approval_by("ada"));
  const decision made = run.on(event::rejected{.by = {.actor = "ada", .reason = "changed my mind"}});
  EXPECT_EQ(facts_of(made), texts{"gate_rejected check"});
  EXPECT_EQ(made.woken.size(), 1U);
  EXPECT_EQ(next_of(run, run.deliver()), "no");
  EXPECT_EQ(run.state.context.at("check").at("comment"), "changed my mind") << "the error route may read why";
  EXPECT_EQ(run.progress_of("check").status, step_status::failed);
}

TEST(gates, votes_are_those_of_one_visit) {
  driven_run run(
      read_workflow(R"([{"name": "work"}, {"name": "check", "kind": "approval", "approval": {"quorum": 2}}])",
                    R"([{"from": "work", "to": "check"}, {"from": "check", "to": "complete"},
          {"from": "check", "on": "error", "to": "work", "at_most": 1}])"));
  run.deliver();
  run.succeed();
  run.on(approval_by("ada"));
  run.on(event::rejected{.by = {.actor = "ben"}});
  run.deliver();
  run.succeed();
  EXPECT_EQ(facts_of(run.on(approval_by("cleo"))), texts{"gate_voted check"});
  EXPECT_EQ(facts_of(run.on(approval_by("ada"))), texts{"gate_approved check"});
}

// -- Expiring

TEST(gates, an_expired_gate_is_rejected_where_that_is_declared) {
  driven_run run = at_approval(R"({"expires_in_ms": 60000, "on_expiry": "reject"})");
  run.now += 60s;
  const decision made = run.deliver();
  EXPECT_EQ(facts_of(made), texts{"gate_expired check"});
  EXPECT_EQ(next_of(run, made), "no");
  EXPECT_EQ(run.state.context.at("check").at("decision"), "expired");
}

TEST(gates, an_expired_gate_fails_otherwise_and_leaves_no_output) {
  driven_run run = at_pause(R"({"expires_in_ms": 60000})");
  run.now += 60s;
  const decision made = run.deliver();
  EXPECT_EQ(facts_of(made), texts{"gate_expired check"});
  EXPECT_EQ(made.status->status, run_status::failed);
  EXPECT_EQ(run.state.error->at("kind"), "expired");
  EXPECT_TRUE(run.state.context.empty());
}

TEST(gates, a_decision_before_the_expiry_is_noticed_wins) {
  driven_run run = at_pause(R"({"expires_in_ms": 60000})");
  run.now += 61s;
  run.on(event::unblocked{});
  const decision late = run.deliver();
  EXPECT_TRUE(late.facts.empty());
  EXPECT_EQ(next_of(run, late), "next");
}

TEST(gates, a_decision_after_the_expiry_is_refused) {
  driven_run run = at_approval(R"({"expires_in_ms": 60000})");
  run.now += 60s;
  run.deliver();
  EXPECT_EQ(refusal_of(run.on(approval_by("ada"))), "not_paused");
}

// -- What is refused

TEST(gates, a_command_of_the_wrong_kind_is_refused) {
  EXPECT_EQ(refusal_of(at_pause().on(approval_by("ada"))), "other_gate");
  EXPECT_EQ(refusal_of(at_pause().on(event::rejected{})), "other_gate");
  EXPECT_EQ(refusal_of(at_approval("{}").on(event::unblocked{})), "other_gate");
}

TEST(gates, a_command_before_the_gate_is_open_is_refused) {
  driven_run run(read_workflow(R"([{"name": "first"}, {"name": "check", "kind": "pause"}])",
                               R"([{"from": "first", "to": "check"}, {"from": "check", "to": "complete"}])"));
  EXPECT_EQ(refusal_of(run.on(event::unblocked{})), "not_paused");
  run.deliver();
  EXPECT_EQ(refusal_of(run.on(event::unblocked{.by = {}, .step = "check"})), "not_paused");
  EXPECT_TRUE(run.history.facts.empty());
}

TEST(gates, a_command_to_a_run_that_has_ended_is_refused) {
  driven_run run = at_pause();
  run.on(event::unblocked{});
  run.deliver();
  run.succeed();
  EXPECT_EQ(refusal_of(run.on(event::unblocked{})), "run_has_ended");
}

TEST(gates, text_that_is_not_utf8_is_refused) {
  const std::string wrong = "caf\xE9";
  for (const event::command& by : {event::command{.actor = wrong}, event::command{.reason = wrong},
                                   event::command{.metadata = {{"m", wrong}}}, event::command{.key = wrong}}) {
    driven_run run = at_pause();
    const decision made = run.on(event::unblocked{.by = by});
    ASSERT_TRUE(made.refusal);
    EXPECT_EQ(made.refusal->code, errc::invalid_argument);
    EXPECT_TRUE(made.facts.empty());
    EXPECT_EQ(run.state.status(), run_status::paused);
  }
}

// -- Once

TEST(gates, the_same_key_has_one_effect) {
  driven_run run = at_approval(R"({"quorum": 2})");
  EXPECT_FALSE(run.on(approval_by("ada", "k1")).repeated);
  const decision again = run.on(approval_by("ada", "k1"));
  EXPECT_TRUE(again.repeated);
  EXPECT_FALSE(again.refusal) << "who repeats a command wants to hear that it was done";
  EXPECT_TRUE(again.facts.empty());
  EXPECT_TRUE(run.on(approval_by("ben", "k1")).repeated) << "a key stands for one command, whoever gives it";
  run.on(approval_by("ben", "k2"));
  const decision late = run.on(approval_by("ben", "k2"));
  EXPECT_TRUE(late.repeated) << "even when the gate is closed";
  EXPECT_TRUE(late.woken.empty());
}

// -- Several at once

driven_run at_three_gates() {
  driven_run run(read_workflow(R"([
      {"name": "p1", "kind": "pause"}, {"name": "p2", "kind": "pause"}, {"name": "a1", "kind": "approval"},
      {"name": "end", "after": ["p1", "p2", "a1"]}])"));
  for (const char* gate : {"p1", "p2", "a1"}) run.deliver_to(gate);
  return run;
}

TEST(gates, of_several_open_gates_one_has_to_be_named) {
  driven_run run = at_three_gates();
  EXPECT_EQ(run.state.status(), run_status::paused);
  const decision unclear = run.on(event::unblocked{});
  EXPECT_EQ(refusal_of(unclear), "several_gates");
  EXPECT_NE(unclear.refusal->message.find("p1, p2"), std::string::npos) << unclear.refusal->message;
  EXPECT_EQ(refusal_of(run.on(event::unblocked{.by = {}, .step = "a1"})), "other_gate");
  EXPECT_EQ(refusal_of(run.on(event::unblocked{.by = {}, .step = "end"})), "not_paused");
  EXPECT_EQ(facts_of(run.on(event::unblocked{.by = {}, .step = "p2"})), texts{"gate_unblocked p2"});
}

TEST(gates, the_only_open_gate_of_the_commands_kind_needs_no_name) {
  driven_run run = at_three_gates();
  EXPECT_EQ(facts_of(run.on(approval_by("ada"))), texts{"gate_approved a1"});
  EXPECT_EQ(refusal_of(run.on(approval_by("ada"))), "other_gate");
}

TEST(gates, the_last_of_several_gates_opens_the_join) {
  driven_run run = at_three_gates();
  run.on(event::unblocked{.by = {}, .step = "p2"});
  const decision second = run.on(approval_by("ada"));
  EXPECT_TRUE(second.woken.empty()) << "its branch has ended: the join isn't ready";
  const decision last = run.on(event::unblocked{});
  EXPECT_EQ(run.names_of(last.woken), texts{"p1"});
  EXPECT_EQ(run.current("p1"), "end");
  EXPECT_EQ(last.status->status, run_status::running);
}

TEST(gates, a_rejection_among_dependencies_fails_the_run) {
  driven_run run = at_three_gates();
  const decision made = run.on(event::rejected{.by = {.actor = "ada"}});
  EXPECT_EQ(facts_of(made), texts{"gate_rejected a1"});
  EXPECT_EQ(made.status->status, run_status::failed) << "the other gates wait for nothing any more";
  EXPECT_TRUE(made.retires_jobs);
  EXPECT_EQ(run.state.error->at("kind"), "rejected");
}

}  // namespace
}  // namespace squid_mesh::testing
