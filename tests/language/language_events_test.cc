// Awaited events, through the public API.
#include "language/language_world.h"

namespace squid_mesh::testing {
namespace {

constexpr auto payment = workflow({
    .name = "test.payment",
    .triggers = {{.name = "manual"}},
    .steps = {{"ask", bound_action},
              {"wait_for_payment", await_event{"paid"}, {.output = "payment"}},
              {"deliver", bound_action, {.input = {{"amount", "payment.amount"}}}}},
    .transitions = {{"ask", on::ok, "wait_for_payment"},
                    {"wait_for_payment", on::ok, "deliver"},
                    {"deliver", on::ok, complete}},
});

constexpr auto impatient = workflow({
    .name = "test.impatient",
    .triggers = {{.name = "manual"}},
    .steps = {{"wait_for_payment", await_event{"paid", 30ms}}, {"deliver", bound_action}, {"remind", bound_action}},
    .transitions = {{"wait_for_payment", on::ok, "deliver"},
                    {"wait_for_payment", on::timeout, "remind"},
                    {"deliver", on::ok, complete},
                    {"remind", on::ok, complete}},
});

class events : public language {
 protected:
  handler deliver() {
    return make_handler([this](const json& input) {
      seen_.add("deliver " + input.at("amount").dump());
      return json::object();
    });
  }
};

TEST_P(events, let_a_waiting_run_go_on) {
  mesh m = open();
  must(m.add(payment, {{"ask", note()}, {"deliver", deliver()}}));
  must(m.start());
  const run_id id = must(m.start_run(payment)).id;
  ASSERT_TRUE(until([&] { return status_of(must(m.inspect_run(id)), "wait_for_payment") == step_status::waiting; }));
  must(m.signal_run(id, "something_else", 1));
  EXPECT_EQ(must(m.inspect_run(id)).status, run_status::running);
  must(m.signal_run(id, "paid", {{"amount", 10}}, {.actor = "bank", .idempotency_key = "tx1"}));
  EXPECT_TRUE(must(m.signal_run(id, "paid", {{"amount", 10}}, {.idempotency_key = "tx1"})).repeated);
  const run_view run = ended(m, id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(seen_.lines().back(), "deliver 10");
  EXPECT_EQ(m.signal_run(id, "paid").error().kind, "run_has_ended");
}

TEST_P(events, reach_all_runs_that_match) {
  mesh m = open();
  must(m.add(payment, {{"ask", note()}, {"deliver", deliver()}}));
  must(m.start());
  const run_id one = must(m.start_run(payment)).id;
  const run_id two = must(m.start_run(payment)).id;
  const run_id cancelled = must(m.start_run(payment)).id;
  must(m.cancel_run(cancelled));
  EXPECT_EQ(m.signal_runs({}, "").error().code, errc::invalid_argument);
  EXPECT_TRUE(must(m.signal_runs({.workflow = "nobody's"}, "paid")).empty());
  const auto outcomes = must(m.signal_runs({.workflow = "test.payment"}, "paid", {{"amount", 10}}, {.actor = "bank"}));
  ASSERT_EQ(outcomes.size(), 2U) << "those that have ended are not meant";
  EXPECT_EQ(outcomes[0].run, two) << "the newest first";
  EXPECT_EQ(ended(m, one).status, run_status::completed);
  EXPECT_EQ(ended(m, two).status, run_status::completed);
  EXPECT_EQ(seen_.count("deliver 10"), 2);
}

TEST_P(events, that_come_early_are_kept) {
  mesh m = open();
  doorstep door;
  must(m.add(payment, {{"ask", make_handler([&](const json&) {
                          door.pass();
                          return json::object();
                        })},
                       {"deliver", deliver()}}));
  must(m.start());
  const run_id id = must(m.start_run(payment)).id;
  ASSERT_TRUE(door.wait_for(1));
  must(m.signal_run(id, "paid", {{"amount", 1}}));
  must(m.signal_run(id, "paid", {{"amount", 2}}));
  door.open();
  EXPECT_EQ(ended(m, id).status, run_status::completed);
  EXPECT_EQ(seen_.lines(), std::vector<std::string>{"deliver 1"}) << "the first one is taken";
}

TEST_P(events, can_come_before_the_run_begins) {
  mesh m = open();
  must(m.add(payment, {{"ask", note()}, {"deliver", deliver()}}));
  const run_id id = must(m.start_run(payment)).id;
  must(m.signal_run(id, "paid", {{"amount", 3}}));
  EXPECT_EQ(must(m.inspect_run(id)).status, run_status::pending);
  must(m.start());
  EXPECT_EQ(ended(m, id).status, run_status::completed);
}

TEST_P(events, that_do_not_come_in_time_have_a_route_of_their_own) {
  mesh m = open();
  must(m.add(impatient, {{"deliver", note()}, {"remind", note()}}));
  must(m.start());
  EXPECT_EQ(ended(m, must(m.start_run(impatient)).id).status, run_status::completed);
  EXPECT_EQ(seen_.lines(), std::vector<std::string>{"remind"});
}

TEST_P(events, race_with_their_timeout_and_with_a_cancellation_and_one_wins) {
  mesh m = open();
  must(m.add(impatient, {{"deliver", note()}, {"remind", note()}}));
  mesh other = open("other");
  must(m.start());
  std::size_t delivered = 0;
  std::size_t reminded = 0;
  for (int i = 0; i < 12; ++i) {
    const run_id id = must(m.start_run(impatient)).id;
    std::this_thread::sleep_for(milliseconds(22 + i));
    result<command_receipt> cancelled;
    std::thread at_once([&] { cancelled = other.cancel_run(id); });
    const auto signalled = m.signal_run(id, "paid");
    at_once.join();
    const run_view run = ended(m, id);
    delivered += status_of(run, "deliver") == step_status::completed ? 1U : 0U;
    reminded += status_of(run, "remind") == step_status::completed ? 1U : 0U;
    EXPECT_FALSE(has_event(run, "event_taken") && has_event(run, "event_timed_out"));
    if (run.status == run_status::cancelled) {
      EXPECT_TRUE(cancelled);
    } else {
      EXPECT_EQ(run.status, run_status::completed);
    }
  }
  EXPECT_LE(delivered + reminded, 12U);
}

INSTANTIATE_TEST_SUITE_P(databases, events, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
