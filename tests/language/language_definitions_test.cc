// Workflows that change while their runs go on.
#include "language/language_world.h"

namespace squid_mesh::testing {
namespace {

constexpr auto first = workflow({
    .name = "test.release",
    .version = "1",
    .triggers = {{.name = "manual"}},
    .steps = {{"build", bound_action}, {"hold", pause{}}, {"ship", bound_action}},
    .transitions = {{"build", on::ok, "hold"}, {"hold", on::ok, "ship"}, {"ship", on::ok, complete}},
});

/// Ships in another way.
constexpr auto second = workflow({
    .name = "test.release",
    .version = "2",
    .triggers = {{.name = "manual"}},
    .steps = {{"build", bound_action}, {"deliver", bound_action}},
    .transitions = {{"build", on::ok, "deliver"}, {"deliver", on::ok, complete}},
});

class definitions : public language {};

TEST_P(definitions, that_change_say_what_becomes_of_live_runs) {
  run_id held;
  {
    mesh before = open("before");
    must(before.add(first, {{"build", note()}, {"ship", note()}}));
    must(before.start());
    held = must(before.start_run(first)).id;
    ASSERT_TRUE(reaches(before, held, run_status::paused));
    const auto live = must(before.list_live_runs("test.release"));
    ASSERT_EQ(live.size(), 1U);
    EXPECT_EQ(live[0].outlook, run_outlook::goes_on);
    EXPECT_TRUE(live[0].is_newest);
    EXPECT_TRUE(live[0].missing.empty());
  }
  mesh after = open("after");
  must(after.add(second, {{"build", note()}, {"deliver", note()}}));
  const run_id fresh = must(after.start_run(second)).id;
  auto live = must(after.list_live_runs("test.release"));
  ASSERT_EQ(live.size(), 2U);
  EXPECT_EQ(live[0].run.id, fresh);
  EXPECT_TRUE(live[0].is_newest);
  EXPECT_EQ(live[1].run.id, held);
  EXPECT_FALSE(live[1].is_newest);
  EXPECT_EQ(live[1].outlook, run_outlook::goes_on);
  EXPECT_EQ(live[1].missing, std::vector<std::string>{"ship"});
  EXPECT_EQ(live[1].why, "It goes on until it comes to a step that has no handler here: ship.");

  must(after.unblock_run(held));
  live = must(after.list_live_runs("test.release"));
  EXPECT_EQ(live[1].outlook, run_outlook::waits_for_handler);
  EXPECT_EQ(live[1].why, "This process has no handler for ship, where the run is.");
  EXPECT_EQ(to_string(live[1].outlook), "waits_for_handler");

  // A process that has the handler takes it up.
  mesh again = open("again");
  must(again.add(first, {{"build", note()}, {"ship", note()}}));
  must(again.start());
  EXPECT_EQ(ended(again, held).status, run_status::completed);
}

TEST_P(definitions, that_cannot_be_read_block_their_runs) {
  mesh m = open();
  must(m.add(first, {{"build", note()}, {"ship", note()}}));
  const run_id id = must(m.start_run(first)).id;
  database_->execute("UPDATE squid_mesh_definitions SET document = '{\"name\": \"from the future\"}'");
  const mesh other = open("other");
  const auto live = must(other.list_live_runs("test.release"));
  ASSERT_EQ(live.size(), 1U);
  EXPECT_EQ(live[0].run.id, id);
  EXPECT_EQ(live[0].outlook, run_outlook::blocked);
  EXPECT_TRUE(live[0].why.starts_with("It can't be read here: ")) << live[0].why;
}

TEST_P(definitions, of_unknown_workflows_have_no_runs) {
  const mesh m = open();
  EXPECT_TRUE(must(m.list_live_runs("nobody")).empty());
  EXPECT_EQ(m.list_live_runs("nobody", 0).error().code, errc::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(on, definitions, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
