// Pauses and approvals, through the public API.
#include "language/language_world.h"

namespace squid_mesh::testing {
namespace {

constexpr auto release = workflow({
    .name = "test.release",
    .triggers = {{.name = "manual"}},
    .steps = {{"build", bound_action, {.output = "build"}},
              {"hold", pause{}},
              {"review", approval{.quorum = 2}, {.output = "review"}},
              {"ship", bound_action, {.input = {"review"}, .output = "shipped"}},
              {"roll_back", bound_action, {.input = {{"why", "review.comment"}}, .output = "rolled_back"}}},
    .transitions = {{"build", on::ok, "hold"},
                    {"hold", on::ok, "review"},
                    {"review", on::ok, "ship"},
                    {"review", on::error, "roll_back"},
                    {"ship", on::ok, complete},
                    {"roll_back", on::ok, complete}},
});

constexpr auto expiring = workflow({
    .name = "test.expiring",
    .triggers = {{.name = "manual"}},
    .steps = {{"review", approval{.expires_in = 50ms}}, {"ship", bound_action}, {"drop", bound_action}},
    .transitions = {{"review", on::ok, "ship"},
                    {"review", on::error, "drop"},
                    {"ship", on::ok, complete},
                    {"drop", on::ok, complete}},
});

class gates : public language {
 protected:
  void add_release(mesh& m) {
    must(m.add(release, {{"build", note(1)},
                         {"ship", make_handler([this](const json& input) {
                            seen_.add("ship for " + input.at("review").at("actor").get<std::string>());
                            return json(true);
                          })},
                         {"roll_back", make_handler([this](const json& input) {
                            seen_.add("roll back: " + input.at("why").get<std::string>());
                            return json(true);
                          })}}));
  }
};

TEST_P(gates, are_decided_for_all_runs_that_match) {
  mesh m = open();
  add_release(m);
  must(m.start());
  const run_id one = must(m.start_run(release)).id;
  const run_id two = must(m.start_run(release)).id;
  ASSERT_TRUE(reaches(m, one, run_status::paused) && reaches(m, two, run_status::paused));
  const run_filter all{.workflow = "test.release"};
  EXPECT_EQ(m.approve_runs(all, {}).error().code, errc::invalid_argument) << "somebody has to say who decides";
  EXPECT_EQ(m.reject_runs(all, {}).error().code, errc::invalid_argument);
  for (const bulk_outcome& each : must(m.approve_runs(all, {.actor = "anna"}))) {
    EXPECT_EQ(each.outcome.error().kind, "other_gate") << "they are at a pause";
  }
  ASSERT_EQ(must(m.unblock_runs(all, {.actor = "olga"})).size(), 2U);
  const auto at_review = [&](const run_id& id) {
    return until([&] { return status_of(must(m.inspect_run(id)), "review") == step_status::running; });
  };
  ASSERT_TRUE(at_review(one) && at_review(two));

  const auto votes = must(m.approve_runs(all, {.actor = "anna"}));
  ASSERT_EQ(votes.size(), 2U);
  EXPECT_EQ(votes[0].run, two) << "the newest first";
  EXPECT_TRUE(votes[0].outcome && votes[1].outcome);
  const auto rejections =
      must(m.reject_runs({.workflow = "test.release", .limit = 1}, {.actor = "bert", .comment = "no"}));
  ASSERT_EQ(rejections.size(), 1U);
  EXPECT_EQ(rejections[0].run, two);
  ended(m, two);
  EXPECT_EQ(must(m.approve_runs(all, {.actor = "carl"})).size(), 1U) << "of those that are paused";
  ended(m, one);
  EXPECT_EQ(seen_.count("ship for carl"), 1);
  EXPECT_EQ(seen_.count("roll back: no"), 1);
}

TEST_P(gates, hold_a_run_until_people_have_decided) {
  mesh m = open();
  add_release(m);
  must(m.start());
  const run_id id = must(m.start_run(release)).id;
  ASSERT_TRUE(reaches(m, id, run_status::paused));
  EXPECT_EQ(status_of(must(m.inspect_run(id)), "hold"), step_status::running)
      << "the step goes on while the run pauses";

  EXPECT_EQ(m.approve_run(id, {.actor = "anna"}).error().kind, "other_gate");
  EXPECT_EQ(must(m.unblock_run(id, {.actor = "olga", .comment = "window is open"})).status, run_status::running);
  ASSERT_TRUE(reaches(m, id, run_status::paused));

  EXPECT_EQ(m.approve_run(id, {}).error().code, errc::invalid_argument) << "somebody has to say who decides";
  EXPECT_EQ(must(m.approve_run(id, {.actor = "anna", .idempotency_key = "k1"})).status, run_status::paused);
  EXPECT_TRUE(must(m.approve_run(id, {.actor = "anna", .idempotency_key = "k1"})).repeated);
  EXPECT_EQ(m.approve_run(id, {.actor = "anna"}).error().kind, "already_approved");
  must(m.approve_run(id, {.actor = "bert", .comment = "fine", .metadata = {{"ticket", 7}}}));

  const run_view run = ended(m, id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.context.at("review").at("decision"), "approved");
  EXPECT_EQ(run.context.at("review").at("actor"), "bert");
  EXPECT_EQ(run.context.at("review").at("comment"), "fine");
  EXPECT_EQ(run.context.at("review").at("metadata").at("ticket"), 7);
  EXPECT_EQ(run.context.at("hold").at("decision"), "unblocked") << "without an output key: under the step's name";
  EXPECT_EQ(seen_.lines(), (std::vector<std::string>{"build", "ship for bert"}));
  for (const char* kind : {"gate_opened", "gate_unblocked", "gate_voted", "gate_approved"}) {
    EXPECT_TRUE(has_event(run, kind)) << kind;
  }
  EXPECT_EQ(m.approve_run(id, {.actor = "carl"}).error().kind, "run_has_ended");
}

TEST_P(gates, lead_a_rejected_run_along_its_error_route) {
  mesh m = open();
  add_release(m);
  must(m.start());
  const run_id id = must(m.start_run(release)).id;
  ASSERT_TRUE(reaches(m, id, run_status::paused));
  must(m.unblock_run(id));
  ASSERT_TRUE(until([&] { return m.reject_run(id, {.actor = "anna", .comment = "too risky"}).has_value(); }));
  const run_view run = ended(m, id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.context.at("review").at("decision"), "rejected");
  EXPECT_EQ(seen_.lines().back(), "roll back: too risky");
}

TEST_P(gates, expire_as_declared) {
  mesh m = open();
  must(m.add(expiring, {{"ship", note()}, {"drop", note()}}));
  must(m.start());
  const run_view run = ended(m, must(m.start_run(expiring)).id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.context.at("review").at("decision"), "expired");
  EXPECT_EQ(seen_.lines(), std::vector<std::string>{"drop"});
}

TEST_P(gates, let_one_of_two_contradicting_decisions_win) {
  mesh m = open();
  must(m.add(expiring, {{"ship", note()}, {"drop", note()}}));
  mesh other = open("other");
  must(other.add(expiring, {{"ship", note()}, {"drop", note()}}));
  must(m.start());
  for (int i = 0; i < 10; ++i) {
    const run_id id = must(m.start_run(expiring)).id;
    ASSERT_TRUE(until([&] { return must(m.inspect_run(id)).status != run_status::pending; }));
    result<command_receipt> approved;
    result<command_receipt> rejected;
    std::thread at_once([&] { approved = other.approve_run(id, {.actor = "anna"}); });
    rejected = m.reject_run(id, {.actor = "bert"});
    at_once.join();
    EXPECT_FALSE(approved && rejected);
    const run_view run = ended(m, id);
    const std::string decision = run.context.at("review").at("decision");
    EXPECT_EQ(decision == "approved", approved.has_value()) << decision;
    EXPECT_EQ(decision == "rejected", rejected.has_value()) << decision;
  }
  EXPECT_EQ(seen_.lines().size(), 10U) << "each run went on once";
}

TEST_P(gates, need_no_workflow_code) {
  const run_id id = [&] {
    mesh m = open();
    add_release(m);
    must(m.start());
    const run_id started = must(m.start_run(release)).id;
    EXPECT_TRUE(reaches(m, started, run_status::paused));
    return started;
  }();
  mesh bare = open("operator");
  must(bare.unblock_run(id, {.actor = "olga"}));
  EXPECT_EQ(must(bare.inspect_run(id)).status, run_status::running) << "it goes on when a worker comes";
  mesh m = open();
  add_release(m);
  must(m.start());
  EXPECT_TRUE(reaches(bare, id, run_status::paused));
}

INSTANTIATE_TEST_SUITE_P(databases, gates, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
