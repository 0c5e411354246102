// Runs that are moved to other definitions of their workflow: when that is sound, and what is known of them then.
#include "progress/migration.h"

#include "progress/driven_run.h"

#include <gtest/gtest.h>

#include <string>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* payload =
    R"([{"name": "id", "type": "integer"}, {"name": "key", "type": "string", "secret": true}])";

/// A workflow called `t` whose trigger takes an id and a secret key.
std::shared_ptr<const definition> read_with(const char* steps, const char* transitions = "[]",
                                            const char* fields = payload) {
  return read_definition({{"name", "t"},
                          {"triggers", {{{"name", "m"}, {"payload", json::parse(fields)}}}},
                          {"steps", json::parse(steps)},
                          {"transitions", json::parse(transitions)}});
}

constexpr const char* old_steps = R"([{"name": "a"}, {"name": "hold", "kind": "pause"}, {"name": "b"}])";
constexpr const char* old_way = R"([{"from": "a", "to": "hold"}, {"from": "hold", "to": "b"},
                                    {"from": "b", "to": "complete"}])";

struct moving_run : driven_run {
  explicit moving_run(std::shared_ptr<const definition> from = read_with(old_steps, old_way))
      : driven_run(std::move(from), R"({"id": 7, "key": "k"})") {
    history.run.trigger = "m";
    history.run.definition = state.definition->fingerprint();
  }

  decision move(std::shared_ptr<const definition> to, const step_names& steps = {}, bool is_executed = false) {
    auto then = migrated(state, history, to, steps);
    decision made = on(event::migrated{.by = {.actor = "ann", .reason = "fix"},
                                       .to = to,
                                       .steps = steps,
                                       .state = std::move(then),
                                       .is_executed = is_executed});
    if (!made.pins.empty()) history.run.definition = made.pins;
    return made;
  }
};

/// a has completed, and the pause is open.
moving_run at_pause() {
  moving_run run;
  run.deliver();
  run.succeed({{"n", 1}});
  return run;
}

/// hold -> check -> b: what follows the pause is another thing.
std::shared_ptr<const definition> with_a_check() {
  return read_with(R"([{"name": "a"}, {"name": "hold", "kind": "pause"}, {"name": "check"}, {"name": "b"}])",
                   R"([{"from": "a", "to": "hold"}, {"from": "hold", "to": "check"}, {"from": "check", "to": "b"},
                       {"from": "b", "to": "complete"}])");
}

TEST(migration, changes_what_is_ahead) {
  moving_run run = at_pause();
  const auto from = run.state.definition->fingerprint();
  const decision made = run.move(with_a_check());
  EXPECT_EQ(facts_of(made), texts({"run_migrated"}));
  EXPECT_EQ(made.pins, with_a_check()->fingerprint());
  EXPECT_FALSE(made.status);
  const json said = json::parse(made.facts[0].data);
  EXPECT_EQ(said["actor"], "ann");
  EXPECT_EQ(said["from"], from);
  EXPECT_EQ(said["to"], made.pins);
  EXPECT_EQ(run.current(), "hold");
  EXPECT_EQ(run.state.context["n"], 1);
  run.on(event::unblocked{});
  EXPECT_EQ(next_of(run, run.deliver()), "check");
}

TEST(migration, is_in_the_journal_which_folds_by_the_new_definition) {
  moving_run run = at_pause();
  run.move(with_a_check());
  run.on(event::unblocked{});
  run.deliver();
  run.succeed();
  const auto folded = fold(with_a_check(), run.history);
  ASSERT_TRUE(folded) << to_string(folded.error());
  EXPECT_EQ(folded->at(0), with_a_check()->find_step("b"));
}

TEST(migration, may_call_steps_otherwise) {
  moving_run run = at_pause();
  const auto to = read_with(R"([{"name": "first"}, {"name": "gate", "kind": "pause"}, {"name": "b"}])",
                            R"([{"from": "first", "to": "gate"}, {"from": "gate", "to": "b"},
                                {"from": "b", "to": "complete"}])");
  EXPECT_EQ(refusal_of(run.move(to)), "other_history");
  EXPECT_EQ(facts_of(run.move(to, {{"a", "first"}, {"hold", "gate"}})), texts({"run_migrated"}));
  EXPECT_EQ(run.current(), "gate");
  const auto folded = fold(to, run.history);
  ASSERT_TRUE(folded) << to_string(folded.error());
  EXPECT_EQ(folded->at(0), to->find_step("gate"));
}

TEST(migration, may_be_repeated_with_names_that_change_places) {
  moving_run run = at_pause();
  const auto swapped = read_with(R"([{"name": "hold"}, {"name": "a", "kind": "pause"}, {"name": "b"}])",
                                 R"([{"from": "hold", "to": "a"}, {"from": "a", "to": "b"},
                                     {"from": "b", "to": "complete"}])");
  ASSERT_EQ(refusal_of(run.move(swapped, {{"a", "hold"}, {"hold", "a"}})), "");
  EXPECT_EQ(run.current(), "a");
  ASSERT_EQ(refusal_of(run.move(with_a_check(), {{"a", "hold"}, {"hold", "a"}})), "");
  EXPECT_EQ(run.current(), "hold");
  ASSERT_TRUE(fold(with_a_check(), run.history));
  const journal present = in_present_words(run.history);
  EXPECT_EQ(present.facts[0].step, "a");
  EXPECT_EQ(present.facts[1].step, "hold");
  EXPECT_TRUE(fold(with_a_check(), present)) << "names are applied once";
}

TEST(migration, renames_what_facts_say_of_steps) {
  journal history;
  history.facts = {{.seq = 1, .kind = fact_kind::cancel_requested, .data = R"({"idle": ["a", "list#2", "other"]})"},
                   {.seq = 2, .kind = fact_kind::retry_requested, .data = R"({"input": {"a": {"x": 1}}})"},
                   {.seq = 3, .kind = fact_kind::run_migrated, .data = R"({"steps": {"a": "z", "list": "l"}})"},
                   {.seq = 4, .kind = fact_kind::step_completed, .step = "a", .data = R"({"idle": ["a"]})"}};
  const journal present = in_present_words(history);
  EXPECT_EQ(json::parse(present.facts[0].data)["idle"], json({"z", "l#2", "other"}));
  EXPECT_EQ(json::parse(present.facts[1].data)["input"], json({{"z", {{"x", 1}}}}));
  EXPECT_EQ(json::parse(present.facts[2].data), json::parse(R"({"renamed": {"a": "z", "list": "l"}})"));
  EXPECT_EQ(present.facts[3].step, "a") << "the new definition's own a";
  EXPECT_EQ(present.facts[3].data, R"({"idle": ["a"]})") << "an output";
}

TEST(migration, is_refused_where_the_run_would_have_gone_another_way) {
  // By this definition, the check comes before the pause.
  moving_run run = at_pause();
  const auto to = read_with(R"([{"name": "a"}, {"name": "check"}, {"name": "hold", "kind": "pause"}, {"name": "b"}])",
                            R"([{"from": "a", "to": "check"}, {"from": "check", "to": "hold"},
                                {"from": "hold", "to": "b"}, {"from": "b", "to": "complete"}])");
  const decision made = run.move(to);
  EXPECT_EQ(refusal_of(made), "other_history");
  EXPECT_NE(made.refusal->message.find("fact 2, gate_opened of step hold"), std::string::npos) << made.refusal->message;
  EXPECT_EQ(run.current(), "hold") << "it is as it was";
}

TEST(migration, is_refused_where_the_run_would_be_elsewhere) {
  moving_run run;
  run.deliver();
  run.fail(retryable("flaked"));
  const auto to = read_with(R"([{"name": "a"}, {"name": "extra"}])",
                            R"([{"from": "a", "to": "complete"}, {"from": "a", "on": "error", "to": "extra"},
                                {"from": "extra", "to": "complete"}])");
  EXPECT_EQ(refusal_of(run.move(to)), "run_has_ended") << "a failure that was final there has a route here";
  moving_run begun;
  begun.deliver();
  const auto other_entry =
      read_with(R"([{"name": "b"}, {"name": "a"}])", R"([{"from": "b", "to": "a"}, {"from": "a", "to": "complete"}])");
  EXPECT_EQ(refusal_of(begun.move(other_entry)), "other_position");
}

TEST(migration, is_refused_where_a_step_waits_for_something_else) {
  const auto of_two = [](int quorum) {
    const std::string steps = R"([{"name": "ask", "kind": "approval", "approval": {"quorum": )" +
                              std::to_string(quorum) + R"(}}, {"name": "b"}])";
    return read_with(steps.c_str(), R"([{"from": "ask", "to": "b"}, {"from": "ask", "on": "error", "to": "complete"},
                                        {"from": "b", "to": "complete"}])");
  };
  moving_run run(of_two(2));
  EXPECT_EQ(refusal_of(run.move(of_two(3))), "") << "it has not begun to wait";
  run.deliver();
  EXPECT_EQ(refusal_of(run.move(of_two(1))), "other_terms");
}

TEST(migration, keeps_the_name_and_the_input_of_a_step_that_was_tried) {
  const auto one_step = [](const char* name, const char* input) {
    const std::string steps =
        R"([{"name": ")" + std::string(name) + R"(", "input": )" + input + R"(, "retry": {"max_attempts": 3}}])";
    const std::string way = R"([{"from": ")" + std::string(name) + R"(", "to": "complete"}])";
    return read_with(steps.c_str(), way.c_str());
  };
  moving_run run(one_step("ship", R"([{"name": "order", "path": "id"}])"));
  EXPECT_EQ(refusal_of(moving_run(run).move(one_step("deliver", R"([{"name": "order", "path": "id"}])"),
                                            {{"ship", "deliver"}})),
            "")
      << "nobody has tried it yet";
  run.deliver();
  run.fail(retryable("flaked"));
  EXPECT_EQ(refusal_of(run.move(one_step("deliver", R"([{"name": "order", "path": "id"}])"), {{"ship", "deliver"}})),
            "other_terms")
      << "its idempotency key has the name";
  EXPECT_EQ(refusal_of(run.move(one_step("ship", R"([{"name": "number", "path": "id"}])"))), "other_terms");
  EXPECT_EQ(refusal_of(run.move(one_step("ship", R"([{"name": "order", "path": "id"}])"))), "same_definition");
}

TEST(migration, keeps_what_completed_steps_mean) {
  const auto with_first = [](const char* first) {
    const std::string steps = "[" + std::string(first) + R"(, {"name": "hold", "kind": "pause"}, {"name": "b"}])";
    return read_with(steps.c_str(), old_way);
  };
  moving_run run = at_pause();
  EXPECT_EQ(refusal_of(run.move(with_first(R"({"name": "a", "output": "made"})"))), "other_terms");
  EXPECT_EQ(refusal_of(run.move(with_first(R"({"name": "a", "irreversible": true})"))), "other_terms");
  EXPECT_EQ(refusal_of(run.move(with_first(R"({"name": "a", "compensate": {}})"))), "other_terms");
  EXPECT_EQ(refusal_of(run.move(with_first(R"({"name": "a", "retry": {"max_attempts": 7}})"))), "");
}

TEST(migration, keeps_the_branches_on_which_steps_are) {
  // By the one, p is on x and q on y; by the other it is the other way round.
  const auto crossed = [](const char* before_p, const char* before_q) {
    const std::string steps = R"([{"name": "x"}, {"name": "y"}, {"name": "p", "after": [")" + std::string(before_p) +
                              R"("], "retry": {"max_attempts": 3}}, {"name": "q", "kind": "pause", "after": [")" +
                              before_q + R"("]}])";
    return read_with(steps.c_str());
  };
  moving_run run(crossed("x", "y"));
  run.deliver_to("x");
  run.succeed_at("x");
  run.deliver_to("y");
  run.succeed_at("y");
  run.fail_at("p", retryable("flaked"));
  EXPECT_NE(refusal_of(run.move(crossed("y", "x"))), "");
}

TEST(migration, keeps_a_list_that_has_begun) {
  const auto over = [](const char* list, int parallel) {
    const std::string steps = R"([{"name": "each", "kind": "for_each", "output": "made", "for_each": {"list": ")" +
                              std::string(list) + R"(", "parallel": )" + std::to_string(parallel) + "}}]";
    return read_definition(
        {{"name", "t"},
         {"triggers",
          {{{"name", "m"}, {"payload", {{{"name", "old"}, {"type", "list"}}, {{"name", "new"}, {"type", "list"}}}}}}},
         {"steps", json::parse(steps)},
         {"transitions", {{{"from", "each"}, {"to", "complete"}}}}});
  };
  driven_run run(over("old", 2), R"({"old": [1, 2, 3], "new": [4, 5, 6]})");
  run.history.run.trigger = "m";
  run.deliver();
  const auto kind_of = [&](std::shared_ptr<const definition> to) {
    const auto then = migrated(run.state, run.history, std::move(to), {});
    return then ? std::string() : then.error().kind;
  };
  EXPECT_EQ(kind_of(over("new", 2)), "other_terms") << "as long, but another one";
  EXPECT_NE(kind_of(over("old", 3)), "");
  EXPECT_EQ(kind_of(over("old", 2)), "");
}

TEST(migration, keeps_edited_inputs_recognisable_as_secret) {
  const auto reading = [](const char* input) {
    const std::string steps =
        R"([{"name": "a", "input": )" + std::string(input) + R"(}, {"name": "hold", "kind": "pause"}, {"name": "b"}])";
    return read_with(steps.c_str(), old_way);
  };
  moving_run run(reading(R"([{"name": "token", "path": "key"}])"));
  run.deliver();
  run.fail(permanent("refused"));
  run.on(event::retried{.by = {}, .inputs = {{"a", {{"token", "another key"}}}}});
  run.deliver();
  run.succeed();
  EXPECT_EQ(refusal_of(run.move(reading(R"([{"name": "password", "path": "key"}])"))), "other_terms");
}

TEST(migration, keeps_the_payload_and_its_secrets) {
  const auto with_fields = [](const char* fields) { return read_with(old_steps, old_way, fields); };
  moving_run run = at_pause();
  const char* const without_secret = R"([{"name": "id", "type": "integer"}, {"name": "key", "type": "string"}])";
  EXPECT_EQ(refusal_of(run.move(with_fields(without_secret))), "other_payload");
  EXPECT_EQ(refusal_of(run.move(with_fields(R"([{"name": "id", "type": "integer"}])"))), "other_payload");
  const char* const with_default =
      R"([{"name": "id", "type": "integer"}, {"name": "more", "type": "integer", "default": 1},
                                       {"name": "key", "type": "string", "secret": true}])";
  EXPECT_EQ(refusal_of(run.move(with_fields(with_default))), "other_payload") << "its start would have been another";
  const char* const with_optional =
      R"([{"name": "id", "type": "integer"}, {"name": "more", "type": "integer", "optional": true},
          {"name": "key", "type": "string", "secret": true}])";
  EXPECT_EQ(refusal_of(run.move(with_fields(with_optional))), "");
}

TEST(migration, wants_names_that_are_there) {
  moving_run run = at_pause();
  const auto rules = [&](const step_names& steps) {
    const decision made = run.move(with_a_check(), steps);
    texts names;
    if (!made.refusal) return names;
    EXPECT_EQ(made.refusal->code, errc::invalid_argument);
    for (const problem& each : made.refusal->problems) names.push_back(each.path + " " + std::string(each.rule));
    return names;
  };
  EXPECT_EQ(rules({{"nobody", "b"}}), texts({"steps.nobody step_is_not_declared", "steps.nobody step_is_ambiguous"}));
  EXPECT_EQ(rules({{"a", "nothing"}}), texts({"steps.a step_is_not_declared"}));
  EXPECT_EQ(rules({{"a", "b"}}), texts({"steps.a step_is_ambiguous"}));
}

TEST(migration, waits_until_no_worker_is_at_the_run) {
  moving_run run = at_pause();
  EXPECT_EQ(refusal_of(run.move(with_a_check(), {}, true)), "executed");
  EXPECT_EQ(refusal_of(run.move(read_with(old_steps, old_way))), "same_definition");
  run.on(event::cancelled{.by = {}, .idle = {0}});
  EXPECT_EQ(refusal_of(run.move(with_a_check())), "run_has_ended");
}

TEST(migration, keeps_the_names_of_branches_that_go_on) {
  moving_run run(read_with(R"([{"name": "a"}, {"name": "b"}, {"name": "c", "after": ["a", "b"]}])"));
  run.deliver_to("a");
  run.succeed_at("a");
  const auto renamed = read_with(R"([{"name": "a"}, {"name": "x"}, {"name": "c", "after": ["a", "x"]}])");
  EXPECT_EQ(refusal_of(run.move(renamed, {{"b", "x"}})), "other_position") << "its job says b";
  const auto longer = read_with(R"([{"name": "z"}, {"name": "b"}, {"name": "c", "after": ["z", "b"]},
                                    {"name": "d", "after": ["c"]}])");
  EXPECT_EQ(refusal_of(run.move(longer, {{"a", "z"}})), "");
  run.deliver_to("b");
  EXPECT_EQ(next_of(run, run.succeed_at("b")), "c");
}

}  // namespace
}  // namespace squid_mesh::testing
