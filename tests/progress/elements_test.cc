// Steps that run over a list: what each lane does next, and what becomes of the step.
#include "progress/decide.h"
#include "progress/driven_run.h"

#include <gtest/gtest.h>

#include <string>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using change = job_change::kind;

const error no = permanent("no");

/// invite over the payload's list, at most two at a time -> last
std::shared_ptr<const definition> party(const char* how = "{}") {
  json step = json::parse(R"({"name": "invite", "kind": "for_each", "output": "invited",
      "retry": {"max_attempts": 2, "backoff": {"min_ms": 1000, "max_ms": 1000}},
      "for_each": {"list": "guests", "parallel": 2}})");
  step["for_each"].update(json::parse(how));
  return read_definition(
      {{"name", "t"},
       {"triggers", {{{"name", "m"}, {"payload", {{{"name", "guests"}, {"type", "list"}}}}}}},
       {"steps", {step, {{"name", "last"}}}},
       {"transitions", {{{"from", "invite"}, {"to", "last"}}, {{"from", "last"}, {"to", "complete"}}}}});
}

struct party_run : driven_run {
  explicit party_run(const char* guests = R"({"guests": ["a", "b", "c", "d", "e"]})", const char* how = "{}")
      : driven_run(party(how), guests) {}

  static constexpr std::size_t first_lane = 2;  // after the steps
  decision deliver_lane(std::size_t lane, int attempt = 1) {
    return on(event::delivered{.branch = first_lane + lane, .attempt = attempt, .since = now});
  }
  [[nodiscard]] event::attempt at(std::size_t element) const {
    return {.step = 0, .number = list().at(element).attempts + 1, .started_at = now, .element = element};
  }
  decision done(std::size_t element, json output = {}) {
    return on(event::succeeded{at(element), output.is_null() ? json(element) : std::move(output)});
  }
  decision fails(std::size_t element, error reason) { return on(event::failed{at(element), std::move(reason)}); }
  [[nodiscard]] const element_list& list() const { return *state.steps[0].elements; }
};

party_run begun(const char* how = "{}") {
  party_run run(R"({"guests": ["a", "b", "c", "d", "e"]})", how);
  run.deliver();
  return run;
}

/// The first element has failed for good, and two others are done.
party_run failed_fast() {
  party_run run = begun();
  run.deliver_lane(0);
  run.deliver_lane(1);
  run.done(1);
  run.fails(0, no);
  run.done(3);
  return run;
}

using branches = std::vector<std::size_t>;

TEST(Elements, BeginOnLanesOfTheirOwn) {
  party_run run;
  const decision made = run.deliver();
  EXPECT_EQ(facts_of(made), texts({"elements_begun invite"}));
  EXPECT_EQ(made.opened, (branches{2, 3}));
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(made.releases, 0U);
  EXPECT_EQ(made.status->status, run_status::running);
  EXPECT_EQ(driven(run.state, 3).step, "invite#1");
  EXPECT_EQ(branch_of(*run.state.definition, driven(run.state, 3)), 3U);
}

TEST(Elements, AreTakenByTheirLaneInOrder) {
  party_run run = begun();
  EXPECT_EQ(next_of(run, run.deliver_lane(0)), "invite#0");
  EXPECT_EQ(next_of(run, run.deliver_lane(1)), "invite#1");
  EXPECT_EQ(run.list().input_of(1), json({{"item", "b"}, {"index", 1}}));
  EXPECT_EQ(next_of(run, run.done(0)), "invite#2");
  EXPECT_EQ(next_of(run, run.done(1)), "invite#3");
  const decision last = run.done(3);
  EXPECT_FALSE(last.run_next);
  EXPECT_EQ(last.job.is, change::finish);
  EXPECT_EQ(last.releases, 3U);
  EXPECT_TRUE(last.opened.empty());
}

TEST(Elements, EndWithAListInTheirOrder) {
  party_run run = begun();
  for (const std::size_t element : {1U, 3U, 0U, 2U}) run.done(element);
  const decision made = run.done(4);
  EXPECT_EQ(facts_of(made), texts({"element_completed invite"}));
  EXPECT_EQ(run.state.context.at("invited"), json({0, 1, 2, 3, 4}));
  EXPECT_EQ(made.opened, branches{0}) << "the run goes on with a job of its own";
  EXPECT_EQ(run.current(), "last");
  EXPECT_EQ(next_of(run, run.deliver()), "last");
}

TEST(Elements, OfAnEmptyListAreDoneAtOnce) {
  party_run run(R"({"guests": []})");
  const decision made = run.deliver();
  EXPECT_EQ(next_of(run, made), "last");
  EXPECT_EQ(run.state.context.at("invited"), json::array());
}

TEST(Elements, NeedAList) {
  party_run run(R"({"guests": 7})");
  const decision made = run.deliver();
  EXPECT_EQ(facts_of(made), texts({"step_failed invite"}));
  EXPECT_EQ(made.status->status, run_status::failed);
}

TEST(Elements, ThatFailWaitWhileOthersGoOn) {
  party_run run = begun();
  run.deliver_lane(0);
  EXPECT_EQ(next_of(run, run.fails(0, retryable("flaked"))), "invite#2");
  EXPECT_EQ(next_of(run, run.done(2)), "invite#4");
  const decision rest = run.done(4);
  EXPECT_EQ(rest.job, (job_change{.is = change::snooze, .at = run.now + 1s}));
  EXPECT_EQ(run.list().retrying(), 1U);
  EXPECT_EQ(facts_of(run.deliver_lane(0)), texts({"woken_early invite"}));
  run.now += 1s;
  EXPECT_EQ(next_of(run, run.deliver_lane(0)), "invite#0");
  EXPECT_EQ(run.at(0).number, 2);
}

TEST(Elements, FailFastWhenWhatRunsHasEnded) {
  party_run run = begun();
  run.deliver_lane(0);
  run.deliver_lane(1);
  decision made = run.fails(0, no);
  EXPECT_FALSE(made.run_next);
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(made.woken, branches{3}) << "the other lane is to come and end";
  EXPECT_FALSE(run.state.ended);
  made = run.done(1);
  EXPECT_EQ(made.status, (status_change{.status = run_status::failed, .ended_at = run.now}));
  EXPECT_TRUE(made.retires_jobs);
  EXPECT_EQ(run.list().at(1).status, step_status::completed);
}

TEST(Elements, FailFastEndsALaneThatWaited) {
  party_run run = begun();
  run.deliver_lane(1);
  run.fails(1, retryable("flaked"));
  run.fails(3, retryable("flaked"));
  run.deliver_lane(0);
  EXPECT_EQ(run.fails(0, no).woken, branches{3});
  const decision made = run.deliver_lane(1);
  EXPECT_EQ(facts_of(made), texts({"lane_ended invite"}));
  EXPECT_EQ(made.status->status, run_status::failed);
}

TEST(Elements, CollectedFailuresAreInTheOutput) {
  party_run run = begun(R"({"on_failure": "collect"})");
  run.fails(1, no);
  for (const std::size_t element : {0U, 2U, 3U, 4U}) run.done(element);
  EXPECT_EQ(run.current(), "last");
  const json output = run.state.context.at("invited");
  EXPECT_EQ(output.at("results"), json({0, nullptr, 2, 3, 4}));
  EXPECT_EQ(output.at("failures").at(0).at("index"), 1);
  EXPECT_EQ(output.at("failures").at(0).at("error").at("message"), "no");
}

TEST(Elements, ToleratesAShareOfFailures) {
  party_run run = begun(R"({"on_failure": "tolerate", "tolerated": 0.4})");
  run.fails(1, no);
  run.fails(0, no);
  EXPECT_FALSE(run.list().is_closing());
  run.fails(2, no);
  EXPECT_TRUE(run.list().is_closing());
  EXPECT_EQ(run.done(3).status->status, run_status::failed);
}

TEST(Elements, ThatAreLostAreRepeated) {
  party_run run = begun();
  run.deliver_lane(0);
  run.done(0);
  const decision made = run.on(event::worker_died{.branch = 2, .node = "dead", .since = run.now});
  EXPECT_EQ(facts_of(made), texts({"attempt_lost invite"}));
  EXPECT_EQ(made.job.is, change::give_back);
  EXPECT_EQ(run.list().at(2).counted, 1);
  EXPECT_EQ(next_of(run, run.deliver_lane(0)), "invite#4");
  EXPECT_EQ(next_of(run, run.done(4)), "invite#2");
}

TEST(Elements, ThatAreInterruptedAreNotCounted) {
  party_run run = begun();
  run.deliver_lane(0);
  const decision made = run.on(event::interrupted{run.at(0)});
  EXPECT_EQ(made.job.is, change::give_back);
  EXPECT_EQ(run.list().at(0).counted, 0);
  EXPECT_EQ(next_of(run, run.deliver_lane(0)), "invite#0");
}

TEST(Elements, OfAStaleAttemptAreNotHeard) {
  party_run run = begun();
  run.deliver_lane(0);
  const event::attempt first = run.at(0);
  run.done(0);
  EXPECT_TRUE(run.on(event::succeeded{first, 9}).stale);
}

TEST(Elements, WaitForAProcessThatHasTheAction) {
  party_run run = begun();
  run.deliver_lane(0);
  const decision made = run.on(event::no_handler{run.at(0)});
  EXPECT_EQ(facts_of(made), texts({"step_parked invite"}));
  EXPECT_EQ(made.job.is, change::snooze);
}

// -- Endings

TEST(Elements, AreCancelledOnceTheirLanesHaveEnded) {
  party_run run = begun();
  run.deliver_lane(0);
  // Nobody executes the second lane's job.
  decision made = run.on(event::cancelled{.by = {}, .idle = {3}});
  EXPECT_EQ(made.status->status, run_status::cancelling);
  made = run.done(0);
  EXPECT_EQ(facts_of(made), texts({"attempt_discarded invite"}));
  EXPECT_EQ(made.status->status, run_status::cancelled);
  EXPECT_EQ(run.list().completed(), 0U);
}

TEST(Elements, AreCancelledAtOnceWhereNobodyIsAtThem) {
  party_run run = begun();
  EXPECT_EQ(run.on(event::cancelled{.by = {}, .idle = {2, 3}}).status->status, run_status::cancelled);
}

TEST(Elements, ThatAnEndingTookForIdleAreToldAllTheSame) {
  party_run run = begun();
  run.deliver_lane(0);
  const event::attempt late = run.at(0);
  ASSERT_EQ(run.on(event::cancelled{.by = {}, .idle = {2, 3}}).status->status, run_status::cancelled);
  const decision made = run.on(event::succeeded{late, 0});
  EXPECT_EQ(facts_of(made), texts({"attempt_discarded invite"}));
  EXPECT_FALSE(made.stale);
  EXPECT_EQ(made.job.is, change::finish);
  EXPECT_EQ(run.state.ended, run_status::cancelled);
  EXPECT_TRUE(fold(run.state.definition, run.history));
}

TEST(Elements, CanBeGoneThroughAgain) {
  driven_run looped(read_definition(json::parse(R"({"name": "t",
      "triggers": [{"name": "m", "payload": [{"name": "guests", "type": "list"}]}],
      "steps": [{"name": "invite", "kind": "for_each", "output": "all", "for_each": {"list": "guests"}}],
      "transitions": [{"from": "invite", "on": "error", "to": "invite", "at_most": 1},
                      {"from": "invite", "to": "complete"}]})")),
                    R"({"guests": [1]})");
  looped.deliver();
  const decision made =
      looped.on(event::failed{{.step = 0, .number = 1, .started_at = looped.now, .element = 0}, permanent("no")});
  EXPECT_EQ(made.opened, branches{0}) << "the step begins again, with a job of its own";
  EXPECT_EQ(facts_of(looped.deliver()), texts({"elements_begun invite"}));

  driven_run listless(looped.state.definition, R"({"guests": 7})");
  const decision ended = listless.deliver();
  EXPECT_EQ(facts_of(ended), texts({"step_failed invite", "step_failed invite"}));
  EXPECT_EQ(ended.status->status, run_status::failed);
}

TEST(Elements, OfAListKeepTheirInputWhenTheRunIsRetried) {
  party_run run = failed_fast();
  const decision made = run.on(event::retried{.by = {}, .inputs = {{"invite", {{"from", "ada"}}}}});
  ASSERT_TRUE(made.refusal);
  EXPECT_EQ(made.refusal->problems.front().rule, "list_goes_on_as_it_is");
}

// -- What several decisions in one commit want of lanes' jobs

TEST(Wakes, AreReconciledWithWhatTheCommitSaysOfTheirJobs) {
  party_run run = begun(R"({"parallel": 4})");
  const auto lane = [&](std::size_t number) { return driven(run.state, party_run::first_lane + number); };
  commit whole = {.run = run.state.id};
  whole.jobs.push_back({.whose = {}, .change = {.is = change::snooze, .at = run.now + 1h}, .releases = {}});
  whole.jobs.push_back({.whose = {}, .change = {.is = change::finish}, .releases = lane(1)});
  whole.inserts.push_back(branch_job(run.state, party_run::first_lane + 2));
  for (const std::size_t number : {0U, 1U, 2U, 3U, 3U}) {
    whole.wakes.push_back(branch_job(run.state, party_run::first_lane + number));
  }
  const std::vector<driven_branch> holders{lane(0), lane(1)};
  commit ended = whole;
  reconcile_wakes(whole, holders);
  EXPECT_EQ(whole.jobs[0].change.is, change::give_back);
  EXPECT_EQ(whole.jobs[1].change.is, change::finish);
  ASSERT_EQ(whole.wakes.size(), 1U);
  EXPECT_EQ(whole.wakes[0].drives, lane(3));

  ended.retires_jobs = true;
  ended.wakes.push_back(branch_job(run.state, 0));
  ended.wakes.back().drives->run = run_id::parse("01920000-0000-7000-8000-000000000009").value();
  reconcile_wakes(ended, holders);
  ASSERT_EQ(ended.wakes.size(), 1U) << "the parent's alone";
}

TEST(Elements, ThatAreDoneStayDoneWhenTheRunIsRetried) {
  party_run run = failed_fast();
  ASSERT_EQ(run.state.ended, run_status::failed);
  const decision retried = run.on(event::retried{});
  EXPECT_EQ(retried.woken, branches{0});
  const decision made = run.deliver();
  EXPECT_EQ(made.opened, branches{2}) << "the second lane has nothing left";
  EXPECT_EQ(next_of(run, run.deliver_lane(0)), "invite#0");
  run.done(0);
  run.done(2);
  run.done(4);
  EXPECT_EQ(run.state.context.at("invited"), json({0, 1, 2, 3, 4}));
}

TEST(Elements, AreFoldedFromTheJournal) {
  party_run run = begun();
  run.deliver_lane(0);
  run.fails(0, retryable("flaked"));
  run.done(2);
  const auto folded = fold(run.state.definition, run.history);
  ASSERT_TRUE(folded);
  EXPECT_EQ(folded->steps[0].elements->retrying(), 1U);
  EXPECT_EQ(folded->steps[0].elements->completed(), 1U);
  EXPECT_EQ(folded->branches, run.state.branches);
}

TEST(Elements, OfADependencyLetTheNextOnesBegin) {
  driven_run run(read_definition(json::parse(R"({"name": "t",
      "triggers": [{"name": "m", "payload": [{"name": "guests", "type": "list"}]}],
      "steps": [{"name": "a", "output": "a"},
                {"name": "each", "kind": "for_each", "output": "b", "for_each": {"list": "guests", "parallel": 3}},
                {"name": "end", "after": ["a", "each"]}]})")),
                 R"({"guests": [1]})");
  run.deliver_to("a");
  run.succeed_at("a", 1);
  run.deliver_to("each");
  const event::attempt only{.step = 1, .number = 1, .started_at = run.now, .element = 0};
  const decision made = run.on(event::succeeded{only, "x"});
  EXPECT_EQ(run.current("each"), "end");
  EXPECT_EQ(made.opened, branches{1});
}

}  // namespace
}  // namespace squid_mesh::testing
