// Conditions and loops, through the public API.
#include "language/language_world.h"

namespace squid_mesh::testing {
namespace {

constexpr auto scoring = workflow({
    .name = "test.scoring",
    .triggers = {{.name = "manual", .payload = {{"country", type::string, value("NO")}, {"score", type::integer}}}},
    .steps = {{"score", bound_action, {.output = "risk"}},
              {"refuse", bound_action},
              {"escalate", bound_action},
              {"accept", bound_action}},
    .transitions = {{"score", on::ok, "refuse", all({in("country", {"XX", "YY"}), negate(exists("waiver"))})},
                    {"score", on::ok, "escalate", greater_than("risk.score", 70)},
                    {"score", on::ok, "accept"},
                    {"refuse", on::ok, complete},
                    {"escalate", on::ok, complete},
                    {"accept", on::ok, complete}},
});

constexpr auto polling = workflow({
    .name = "test.polling",
    .triggers = {{.name = "manual", .payload = {{"good_after", type::integer}}}},
    .steps = {{"poll", bound_action, {.output = "state"}}, {"done", bound_action}, {"give_up", bound_action}},
    .transitions = {{"poll", on::ok, "done", equals("state.ready", true)},
                    {"poll", on::ok, "poll", {}, 3},
                    {"poll", on::ok, "give_up"},
                    {"done", on::ok, complete},
                    {"give_up", on::ok, complete}},
});

class routes : public language {};

TEST_P(routes, follow_the_first_condition_that_holds) {
  mesh m = open();
  must(m.add(scoring, {{"score", make_handler([](const json& input) { return json{{"score", input.at("score")}}; })},
                       {"refuse", note()},
                       {"escalate", note()},
                       {"accept", note()}}));
  must(m.start());
  const auto ends_with = [&](const json& payload) {
    ended(m, must(m.start_run(scoring, payload)).id);
    return seen_.lines().back();
  };
  EXPECT_EQ(ends_with({{"score", 70}}), "accept");
  EXPECT_EQ(ends_with({{"score", 71}}), "escalate");
  EXPECT_EQ(ends_with({{"score", 99}, {"country", "XX"}}), "refuse");
}

TEST_P(routes, lead_back_as_often_as_declared) {
  mesh m = open();
  std::vector<std::string> keys;
  must(m.add(polling, {{"poll", make_handler([&](const json& input, step_context& context) {
                          keys.push_back(context.idempotency_key());
                          seen_.add("poll");
                          return json{{"ready", seen_.count("poll") > input.at("good_after").get<int>()}};
                        })},
                       {"done", note()},
                       {"give_up", note()}}));
  must(m.start());
  const run_view good = ended(m, must(m.start_run(polling, {{"good_after", 2}})).id);
  EXPECT_EQ(good.status, run_status::completed);
  EXPECT_EQ(seen_.lines(), (std::vector<std::string>{"poll", "poll", "poll", "done"}));
  EXPECT_EQ(good.steps.at(0).attempts.size(), 3U) << "each visit is in the history";
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 3U) << "each visit has a key of its own";

  const run_view bad = ended(m, must(m.start_run(polling, {{"good_after", 100}})).id);
  EXPECT_EQ(bad.status, run_status::completed);
  EXPECT_EQ(seen_.count("poll"), 3 + 4) << "once, and back three times";
  EXPECT_EQ(seen_.lines().back(), "give_up");
}

INSTANTIATE_TEST_SUITE_P(databases, routes, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
