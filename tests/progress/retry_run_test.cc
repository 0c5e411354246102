// Having a failed run go on.
#include "progress/decide.h"
#include "progress/policy.h"
#include "progress/run_stages.h"

#include <gtest/gtest.h>

namespace squid_mesh::testing {
namespace {

TEST(retry_run, a_failed_run_goes_on_where_it_failed) {
  driven_run run = failed();
  run.now += 60s;
  const decision made = run.on(event::retried{.by = {.actor = "ada"}, .inputs = nullptr});
  EXPECT_EQ(facts_of(made), texts{"retry_requested"});
  EXPECT_EQ(*made.status, (status_change{.status = run_status::running, .ended_at = std::nullopt}));
  EXPECT_EQ(run.names_of(made.woken), texts{"work"});
  EXPECT_EQ(next_of(run, run.deliver()), "work");
  EXPECT_EQ(run.attempt().number, 2);
  EXPECT_EQ(run.progress_of("work").counted, 0) << "it has all its attempts again";
  EXPECT_EQ(run.progress_of("work").visits, 1);
  EXPECT_FALSE(run.state.error);
  run.succeed(7);
  EXPECT_EQ(run.state.context, (json{{"done", 7}}));
}

TEST(retry_run, the_edited_input_is_what_the_step_reads) {
  driven_run run = failed();
  run.on(event::retried{.by = {}, .inputs = {{"work", {{"x", 1}}}}});
  EXPECT_EQ(input_of(run.state, 0), (json{{"x", 1}}));
}

TEST(retry_run, an_edited_input_is_for_the_visit_that_goes_on) {
  driven_run run(read_workflow(R"([{"name": "a"}])", R"([{"from": "a", "to": "a", "at_most": 1},
                                                        {"from": "a", "to": "complete"}])"));
  run.deliver();
  run.fail(permanent("no"));
  run.on(event::retried{.by = {}, .inputs = {{"a", {{"x", 1}}}}});
  run.deliver();
  run.succeed({{"y", 2}});
  EXPECT_EQ(input_of(run.state, 0), (json{{"y", 2}}));
}

TEST(retry_run, inputs_that_do_not_fit_are_refused) {
  for (const json& wrong :
       {json(1), json{{"rest", json::object()}}, json{{"none", json::object()}}, json{{"work", 1}}}) {
    driven_run run = failed();
    const decision made = run.on(event::retried{.by = {}, .inputs = wrong});
    ASSERT_TRUE(made.refusal) << wrong;
    EXPECT_EQ(made.refusal->code, errc::invalid_argument);
    EXPECT_EQ(made.refusal->problems.size(), 1U);
    EXPECT_EQ(run.state.status(), run_status::failed);
  }
}

TEST(retry_run, only_a_failed_run_is_retried) {
  driven_run cancelled = waiting();
  cancelled.on(event::cancelled{});
  for (driven_run run : {driven_run(four_steps()), at_work(), retrying(), waiting(), paused(), cancelled}) {
    EXPECT_EQ(refusal_of(run.on(event::retried{})), "not_failed");
  }
}

TEST(retry_run, a_retry_with_the_same_key_is_repeated_even_after_another_failure) {
  driven_run run = failed();
  run.on(event::retried{.by = {.key = "k"}, .inputs = nullptr});
  run.deliver();
  run.fail(permanent("again"));
  EXPECT_TRUE(run.on(event::retried{.by = {.key = "k"}, .inputs = nullptr}).repeated);
  EXPECT_EQ(run.state.status(), run_status::failed);
}

TEST(retry_run, a_gate_that_failed_is_opened_again) {
  driven_run run(read_workflow(R"([{"name": "g", "kind": "pause", "pause": {"expires_in_ms": 1000}}])",
                               R"([{"from": "g", "to": "complete"}])"));
  run.deliver();
  run.now += 1s;
  run.deliver();
  run.on(event::retried{});
  EXPECT_EQ(facts_of(run.deliver()), texts{"gate_opened g"});
  EXPECT_EQ(run.progress_of("g").until, run.now + 1s);
}

TEST(retry_run, all_that_stopped_goes_on_and_what_completed_is_kept) {
  driven_run run = three_begun();
  run.fail_at("a", permanent("no"));
  run.succeed_at("b", 2);
  run.on(event::interrupted{run.attempt("c")});
  run.deliver_to("c");
  ASSERT_EQ(run.state.status(), run_status::failed);
  const decision made = run.on(event::retried{});
  EXPECT_EQ(run.names_of(made.opened), (texts{"a", "c"}));
  EXPECT_TRUE(made.woken.empty());
  EXPECT_FALSE(run.is_active("b"));
  run.deliver_to("a");
  run.deliver_to("c");
  run.succeed_at("a", 1);
  EXPECT_EQ(next_of(run, run.succeed_at("c", 3)), "end");
  EXPECT_EQ(run.state.visible_context(run.index_of("end")), (json{{"a", 1}, {"b", 2}, {"c", 3}}));
}

TEST(retry_run, a_retry_begins_what_became_ready_while_the_run_failed) {
  driven_run run(read_workflow(R"([{"name": "a"}, {"name": "b"}, {"name": "after_b", "after": ["b"]},
                                   {"name": "end", "after": ["a", "after_b"]}])"));
  run.deliver_to("a");
  run.deliver_to("b");
  run.fail_at("a", permanent("no"));
  EXPECT_FALSE(run.succeed_at("b").run_next) << "nothing new begins";
  EXPECT_EQ(run.progress_of("after_b").status, step_status::pending);
  EXPECT_EQ(run.names_of(run.on(event::retried{}).opened), (texts{"a", "after_b"}));
  EXPECT_EQ(run.progress_of("after_b").visits, 1);
}

TEST(retry_run, a_run_that_failed_at_its_deadline_goes_on_without_one) {
  driven_run run = waiting();
  run.on(event::deadline_reached{});
  run.on(event::retried{});
  EXPECT_EQ(facts_of(run.deliver()), texts{"wait_started rest"}) << "it is waited for again";
  EXPECT_EQ(run.state.status(), run_status::running);
}

}  // namespace
}  // namespace squid_mesh::testing
