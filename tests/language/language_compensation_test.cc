// Sagas through the public API: what a run did is made good when it fails.
#include "language/language_world.h"

#include <atomic>

namespace squid_mesh::testing {
namespace {

constexpr auto checkout = workflow({
    .name = "test.checkout",
    .triggers = {{.name = "manual", .payload = {{"sku", type::string, value("A1")}, {"card", type::string, secret}}}},
    .steps = {{"reserve", bound_action, {.output = "stock", .compensate = bound_action}},
              {"authorise",
               bound_action,
               {.output = "hold",
                .compensate = compensation(bound_action, {.retry = {.max_attempts = 2, .backoff = constant(1ms)}})}},
              {"capture", bound_action}},
    .transitions = {{"reserve", on::ok, "authorise"}, {"authorise", on::ok, "capture"}, {"capture", on::ok, complete}},
});

const json with_card = {{"card", "4111-1111"}};

class sagas : public language {
 protected:
  /// All steps work but the last one; `release` is the compensation of authorise.
  std::map<std::string, handler> handlers(handler release) {
    return {{"reserve", note({{"id", 7}})},
            {"authorise", note({{"hold", 12}})},
            {"capture", refusal()},
            {"reserve.compensate", note("released")},
            {"authorise.compensate", std::move(release)}};
  }
  handler refusal() {
    return [this](const json&, step_context& context) -> result<json> {
      seen_.add(std::string(context.step()));
      return std::unexpected(permanent("no funds on 4111-1111"));
    };
  }
  /// Fails until it is told not to.
  handler broken() {
    return [this](const json&, step_context& context) -> result<json> {
      seen_.add(std::string(context.step()));
      if (mended_) return json();
      return std::unexpected(retryable("the bank is closed"));
    };
  }
  /// A run whose compensation of authorise has failed for good.
  run_id blocked(mesh& m) {
    must(m.add(checkout, handlers(broken())));
    must(m.start());
    const run_id id = must(m.start_run(checkout, with_card)).id;
    EXPECT_TRUE(reaches(m, id, run_status::paused));
    return id;
  }

  std::atomic<bool> mended_ = false;
};

TEST_P(sagas, compensate_backwards) {
  mesh m = open();
  json read;
  must(m.add(checkout, handlers([&](const json& input, step_context& context) -> result<json> {
               seen_.add(std::string(context.step()));
               read = input;
               EXPECT_TRUE(context.idempotency_key().ends_with(":authorise.compensate"));
               return json();
             })));
  must(m.start());
  const run_view run = ended(m, must(m.start_run(checkout, with_card)).id);
  EXPECT_EQ(run.status, run_status::failed);
  EXPECT_EQ(seen_.lines(), std::vector<std::string>(
                               {"reserve", "authorise", "capture", "authorise.compensate", "reserve.compensate"}));
  const compensation_input input = read;
  EXPECT_EQ(input.payload.at("card"), "4111-1111");
  EXPECT_EQ(input.input, json({{"sku", "A1"}, {"card", "4111-1111"}, {"stock", {{"id", 7}}}}));
  EXPECT_EQ(input.output, json({{"hold", 12}}));
  EXPECT_EQ(input.failure.at("code"), "step_failed");

  ASSERT_EQ(run.steps.size(), 5U);
  EXPECT_EQ(run.steps.back().kind, "compensation");
  EXPECT_EQ(run.steps[3].output, json("released"));
  EXPECT_EQ(run.error->at("message"), "no funds on ********");
  EXPECT_TRUE(has_event(run, "compensation_begun"));
  EXPECT_EQ(to_json(run).dump().find("4111-1111"), std::string::npos);
  const explanation why = must(m.explain_run(run.id));
  EXPECT_TRUE(why.summary.ends_with("no funds on ********; what it had done was compensated.")) << why.summary;
  EXPECT_EQ(why.next_actions.front().action, run_action::replay);
  EXPECT_EQ(m.retry_run(run.id).error().kind, "compensated");
}

TEST_P(sagas, that_succeed_compensate_nothing) {
  mesh m = open();
  auto all = handlers(note());
  all["capture"] = note();
  must(m.add(checkout, all));
  must(m.start());
  const run_view run = ended(m, must(m.start_run(checkout, with_card)).id);
  EXPECT_EQ(run.status, run_status::completed);
  EXPECT_EQ(run.steps.size(), 3U);
  const run_graph graph = must(m.inspect_graph(run.id));
  const auto edge = std::ranges::find(graph.edges, "reserve:compensate:reserve.compensate", &graph_edge::id);
  ASSERT_NE(edge, graph.edges.end());
  EXPECT_EQ(edge->status, edge_status::skipped);
}

TEST_P(sagas, whose_compensation_fails_wait_for_a_person) {
  mesh m = open();
  const run_id id = blocked(m);
  const explanation why = must(m.explain_run(id));
  EXPECT_EQ(why.reason, run_reason::compensation_failed);
  EXPECT_NE(why.summary.find("The compensation of step \"authorise\" failed"), std::string::npos) << why.summary;
  EXPECT_NE(why.summary.find("1 step is left"), std::string::npos) << why.summary;
  EXPECT_EQ(why.evidence.at("compensating"), json({"reserve"}));
  EXPECT_EQ(seen_.count("authorise.compensate"), 2);
  EXPECT_EQ(status_of(must(m.inspect_run(id)), "authorise.compensate"), step_status::failed);
  EXPECT_EQ(m.skip_compensation(id, {.actor = "olga"}).error().code, errc::invalid_argument);

  mended_ = true;
  EXPECT_EQ(must(m.retry_compensation(id, {.actor = "olga"})).status, run_status::running);
  const run_view run = ended(m, id);
  EXPECT_EQ(run.status, run_status::failed);
  EXPECT_EQ(seen_.count("authorise.compensate"), 3);
  EXPECT_EQ(seen_.count("reserve.compensate"), 1);
  EXPECT_EQ(m.retry_compensation(id).error().kind, "run_has_ended");
}

TEST_P(sagas, go_on_when_a_compensation_is_skipped_or_done_by_hand) {
  for (const bool is_done : {false, true}) {
    database_ = GetParam().make();
    mesh m = open();
    const run_id id = blocked(m);
    const command by{.actor = "olga", .reason = "called the bank"};
    must(is_done ? m.mark_compensated(id, by) : m.skip_compensation(id, by));
    const run_view run = ended(m, id);
    EXPECT_EQ(status_of(run, "authorise.compensate"), is_done ? step_status::completed : step_status::skipped);
    EXPECT_EQ(status_of(run, "reserve.compensate"), step_status::completed);
    const auto event = std::ranges::find(run.history, "compensation_resolved", &audit_event::kind);
    ASSERT_NE(event, run.history.end());
    EXPECT_EQ(event->details.at("as"), is_done ? "done" : "skipped");
    EXPECT_EQ(event->details.at("reason"), "called the bank");
    EXPECT_EQ(must(m.explain_run(id)).summary.ends_with("compensated, but for \"authorise\"."), !is_done);
  }
}

TEST_P(sagas, need_handlers_for_their_compensations) {
  mesh m = open();
  auto some = handlers(note());
  some.erase("reserve.compensate");
  EXPECT_EQ(m.add(checkout, some).error().problems.front().path, "handlers.reserve.compensate");
}

INSTANTIATE_TEST_SUITE_P(on, sagas, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
