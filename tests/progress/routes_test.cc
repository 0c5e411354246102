// Which transition a run follows: conditions, fallbacks, limits.
#include "progress/condition.h"
#include "progress/decide.h"
#include "progress/driven_run.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;

const char* const two_ends = R"([{"name": "ask"}, {"name": "yes"}, {"name": "no"}])";

std::shared_ptr<const definition> routes(const std::string& from_ask) {
  return read_workflow(two_ends, ("[" + from_ask + R"(,{"from": "yes", "to": "complete"},
                                                       {"from": "no", "to": "complete"}])")
                                     .c_str());
}

/// Where a run goes from `ask` under a condition: `yes` if it holds, otherwise `no`.
std::string way(const std::string& condition, const json& context) {
  driven_run run(routes(R"({"from": "ask", "to": "yes", "when": )" + condition + R"(}, {"from": "ask", "to": "no"})"),
                 context.dump());
  run.deliver();
  return next_of(run, run.succeed());
}

// -- Conditions

TEST(routes, the_conditions) {
  const json context = json::parse(R"({"n": 7, "f": 7.5, "t": "b", "yes": true, "none": null,
                                       "deep": {"list": [{"x": "y"}]}, "list": [1], "zero": 0})");
  const std::vector<std::pair<const char*, bool>> cases = {
      {R"({"path": "n", "equals": 7})", true},
      {R"({"path": "n", "equals": 7.0})", true},
      {R"({"path": "n", "equals": "7"})", false},
      {R"({"path": "zero", "equals": false})", false},
      {R"({"path": "t", "equals": "b"})", true},
      {R"({"path": "t", "equals": "B"})", false},
      {R"({"path": "yes", "equals": true})", true},
      {R"({"path": "deep.list[0].x", "equals": "y"})", true},
      {R"({"path": "deep.list[1].x", "equals": "y"})", false},
      {R"({"path": "missing", "equals": false})", false},
      {R"({"path": "n", "not_equals": 8})", true},
      {R"({"path": "n", "not_equals": 7})", false},
      {R"({"path": "n", "not_equals": "7"})", true},
      {R"({"path": "missing", "not_equals": 7})", true},
      {R"({"path": "n", "greater_than": 6})", true},
      {R"({"path": "n", "greater_than": 7})", false},
      {R"({"path": "f", "greater_than": 7})", true},
      {R"({"path": "t", "greater_than": "a"})", true},
      {R"({"path": "t", "greater_than": 1})", false},
      {R"({"path": "yes", "greater_than": 0})", false},
      {R"({"path": "missing", "greater_than": 0})", false},
      {R"({"path": "n", "less_than": 7.5})", true},
      {R"({"path": "n", "less_than": 7})", false},
      {R"({"path": "n", "less_than": -1})", false},
      {R"({"path": "t", "less_than": "c"})", true},
      {R"({"path": "t", "less_than": "b"})", false},
      {R"({"path": "n", "less_than": "c"})", false},
      {R"({"path": "missing", "less_than": 1})", false},
      {R"({"path": "n", "exists": true})", true},
      {R"({"path": "list", "exists": true})", true},
      {R"({"path": "zero", "exists": true})", true},
      {R"({"path": "none", "exists": true})", false},
      {R"({"path": "missing", "exists": true})", false},
      {R"({"path": "n", "in": [1, 7]})", true},
      {R"({"path": "n", "in": [1, "7"]})", false},
      {R"({"path": "missing", "in": [1]})", false},
      {R"({"all": [{"path": "n", "equals": 7}, {"path": "t", "equals": "b"}]})", true},
      {R"({"all": [{"path": "n", "equals": 8}, {"path": "t", "equals": "b"}]})", false},
      {R"({"any": [{"path": "n", "equals": 8}, {"path": "t", "equals": "b"}]})", true},
      {R"({"any": [{"path": "n", "equals": 8}, {"path": "t", "equals": "c"}]})", false},
      {R"({"not": {"path": "n", "equals": 8}})", true},
      {R"({"not": {"path": "n", "equals": 7}})", false},
      {R"({"not": {"path": "missing", "greater_than": 0}})", true},
      // What is not looked at any more must not be taken for what comes next.
      {R"({"all": [{"any": [{"path": "n", "in": [7, 8]}, {"path": "t", "in": ["x", "y"]}]},
                   {"not": {"all": [{"path": "n", "equals": 7}, {"path": "missing", "exists": true}]}}]})",
       true},
      {R"({"any": [{"all": [{"path": "n", "equals": 8}, {"path": "n", "in": [7]}]}, {"not": {"path": "t", "exists": true}}]})",
       false},
  };
  for (const auto& [condition, holds] : cases) EXPECT_EQ(way(condition, context), holds ? "yes" : "no") << condition;
}

TEST(routes, a_condition_of_no_terms_holds) { EXPECT_TRUE(holds({}, json::object())); }

TEST(routes, a_condition_sees_what_the_step_itself_has_put_out) {
  driven_run run(routes(R"({"from": "ask", "to": "yes", "when": {"path": "score", "greater_than": 70}},
                           {"from": "ask", "to": "no"})"));
  run.deliver();
  EXPECT_EQ(next_of(run, run.succeed({{"score", 71}})), "yes");
}

TEST(routes, of_several_that_hold_the_first_is_followed) {
  driven_run run(routes(R"({"from": "ask", "to": "no", "when": {"path": "n", "greater_than": 5}},
                           {"from": "ask", "to": "yes", "when": {"path": "n", "greater_than": 1}},
                           {"from": "ask", "to": "complete"})"));
  run.deliver();
  driven_run other = run;
  driven_run third = run;
  EXPECT_EQ(next_of(run, run.succeed({{"n", 6}})), "no");
  EXPECT_EQ(next_of(other, other.succeed({{"n", 2}})), "yes");
  EXPECT_EQ(third.succeed({{"n", 0}}).status->status, run_status::completed);
}

TEST(routes, an_error_that_no_route_is_for_fails_the_run) {
  driven_run run(routes(R"({"from": "ask", "to": "yes"},
                           {"from": "ask", "on": "error", "to": "no", "when": {"path": "mild", "equals": true}})"));
  run.deliver();
  driven_run mild(run.state.definition, R"({"mild": true})");
  mild.deliver();
  EXPECT_EQ(next_of(mild, mild.fail(permanent("no"))), "no");
  EXPECT_EQ(run.fail(permanent("no")).status->status, run_status::failed);
}

TEST(routes, an_error_route_may_lead_to_the_end) {
  driven_run run(
      routes(R"({"from": "ask", "to": "yes", "when": {"path": "n", "equals": 1}}, {"from": "ask", "to": "no"},
                           {"from": "ask", "on": "error", "to": "complete"})"));
  run.deliver();
  EXPECT_EQ(run.fail(permanent("no")).status->status, run_status::completed);
  EXPECT_FALSE(run.state.error);
}

// -- Loops

/// draft -> review -> draft (twice at most) -> publish.
std::shared_ptr<const definition> loop() {
  return read_workflow(R"([{"name": "draft", "retry": {"max_attempts": 2}}, {"name": "review"}, {"name": "publish"}])",
                       R"([{"from": "draft", "to": "review"},
          {"from": "review", "to": "draft", "at_most": 2, "when": {"path": "good", "equals": false}},
          {"from": "review", "to": "publish"}, {"from": "publish", "to": "complete"}])");
}

TEST(routes, a_limited_transition_is_followed_so_often_and_then_the_fallback) {
  driven_run run(loop());
  run.deliver();
  for (int round = 1; round <= 2; ++round) {
    run.succeed();
    EXPECT_EQ(next_of(run, run.succeed({{"good", false}})), "draft");
    EXPECT_EQ(run.progress_of("draft").visits, round + 1);
  }
  run.succeed();
  EXPECT_EQ(next_of(run, run.succeed({{"good", false}})), "publish");
  EXPECT_EQ(run.state.taken, (std::vector<int>{3, 2, 1, 0}));
  EXPECT_EQ(run.progress_of("draft").visits, 3);
  EXPECT_EQ(run.progress_of("draft").attempts, 3) << "attempts are numbered through all visits";
}

TEST(routes, a_loop_is_left_when_its_condition_no_longer_holds) {
  driven_run run(loop());
  run.deliver();
  run.succeed();
  run.succeed({{"good", false}});
  run.succeed();
  EXPECT_EQ(next_of(run, run.succeed({{"good", true}})), "publish");
}

TEST(routes, each_visit_has_all_attempts) {
  driven_run run(loop());
  run.deliver();
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(next_of(run, run.fail(retryable("flaked"))), "draft") << "round " << round;
    EXPECT_EQ(run.progress_of("draft").counted, 1);
    run.succeed();
    run.succeed({{"good", false}});
  }
  EXPECT_EQ(run.current(), "publish");
}

TEST(routes, a_limited_error_route_that_is_used_up_fails_the_run) {
  driven_run run(read_workflow(R"([{"name": "a"}, {"name": "repair"}])",
                               R"([{"from": "a", "to": "complete"}, {"from": "a", "on": "error", "to": "repair"},
                                   {"from": "repair", "to": "a", "at_most": 1}, {"from": "repair", "to": "complete"}])"));
  run.deliver();
  EXPECT_EQ(next_of(run, run.fail(permanent("no"))), "repair");
  EXPECT_EQ(next_of(run, run.succeed()), "a");
  EXPECT_EQ(next_of(run, run.fail(permanent("no"))), "repair");
  EXPECT_EQ(run.succeed().status->status, run_status::completed);
}

TEST(routes, a_step_that_is_its_own_error_route) {
  driven_run run(read_workflow(R"([{"name": "a"}])", R"([{"from": "a", "to": "complete"},
                                                        {"from": "a", "on": "error", "to": "a", "at_most": 2}])"));
  run.deliver();
  EXPECT_EQ(next_of(run, run.fail(permanent("no"))), "a");
  EXPECT_EQ(next_of(run, run.fail(permanent("no"))), "a");
  EXPECT_EQ(run.fail(permanent("no")).status->status, run_status::failed);
  EXPECT_EQ(run.progress_of("a").visits, 3);
}

TEST(routes, a_wait_in_a_loop_is_waited_for_each_time) {
  driven_run run(read_workflow(R"([{"name": "poll"}, {"name": "rest", "kind": "wait", "wait": {"duration_ms": 1000}}])",
                               R"([{"from": "poll", "to": "rest"}, {"from": "rest", "to": "poll", "at_most": 2},
                                   {"from": "rest", "to": "complete"}])"));
  run.deliver();
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(run.succeed().job, (job_change{.is = job_change::kind::snooze, .at = run.now + 1s}));
    EXPECT_EQ(facts_of(run.deliver()), texts{"woken_early rest"});
    run.now += 1s;
    EXPECT_EQ(next_of(run, run.deliver()), "poll");
  }
  run.succeed();
  run.now += 1s;
  EXPECT_EQ(run.deliver().status->status, run_status::completed);
}

}  // namespace
}  // namespace squid_mesh::testing
