// Races and crashes of runs with several branches, gates, events, loops, deadlines and schedules, seed by seed.
#include "support/simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;

/// Two branches that flake and wait, a gate for two people, an awaited event, and two joins.
constexpr auto order = workflow({
    .name = "sim.order",
    .triggers = {{.name = "manual"}},
    .steps = {{"stock",
               bound_action,
               {.output = "stock", .retry = {.max_attempts = 50, .backoff = exponential(1s, 8s)}}},
              {"credit", bound_action, {.output = "credit"}},
              {"rest", wait{5s}, {.after = {"stock"}}},
              {"approve", approval{.quorum = 2}, {.after = {"credit"}}},
              {"paid", await_event{"paid"}, {.after = {"credit"}}},
              {"pack", bound_action, {.output = "packed", .after = {"rest", "credit"}}},
              {"ship", bound_action, {.output = "shipped", .after = {"pack", "approve", "paid"}}}},
});

/// Goes round three times, unless somebody says that it is enough.
constexpr auto round_trip = workflow({
    .name = "sim.round_trip",
    .triggers = {{.name = "manual"}},
    .steps = {{"look", bound_action, {.output = "seen"}},
              {"news", await_event{"news", 3s}},
              {"hold", pause{.expires_in = 20s}},
              {"end", bound_action}},
    .transitions = {{"look", on::ok, "news"},
                    {"news", on::ok, "end", equals("news", "enough")},
                    {"news", on::ok, "look", {}, 2},
                    {"news", on::ok, "end"},
                    {"news", on::timeout, "hold"},
                    {"hold", on::ok, "look", {}, 1},
                    {"hold", on::ok, "end"},
                    {"hold", on::error, "end"},
                    {"end", on::ok, complete}},
});

constexpr auto ticking = workflow({
    .name = "sim.ticking",
    .triggers = {{.name = "minutely",
                  .schedule = cron{.expression = "* * * * *", .missed = missed_ticks::run_all, .missed_limit = 1000}}},
    .steps = {{"work", bound_action}},
    .transitions = {{"work", on::ok, complete}},
});

/// Seven elements on three lanes, which flake; then a run of another workflow.
constexpr auto party = workflow({
    .name = "sim.party",
    .triggers = {{.name = "manual", .payload = {{"items", type::list, json_value("[1,2,3,4,5,6,7]")}}}},
    .steps = {{"each",
               for_each{.action = bound_action, .list = "items", .parallel = 3},
               {.output = "all", .retry = {.max_attempts = 50, .backoff = exponential(1s, 8s)}}},
              {"await", child{"sim.small"}, {.output = "awaited"}},
              {"last", bound_action}},
    .transitions = {{"each", on::ok, "await"}, {"await", on::ok, "last"}, {"last", on::ok, complete}},
});

constexpr auto small = workflow({
    .name = "sim.small",
    .triggers = {{.name = "manual"}},
    .steps = {{"work", bound_action}, {"rest", wait{2s}}},
    .transitions = {{"work", on::ok, "rest"}, {"rest", on::ok, complete}},
});

constexpr retry_policy stubborn{.max_attempts = 50, .backoff = exponential(1s, 8s)};

/// Always fails in the end; what makes it good flakes.
constexpr auto saga = workflow({
    .name = "sim.saga",
    .triggers = {{.name = "manual"}},
    .steps = {{"first", bound_action, {.compensate = compensation(bound_action, {.retry = stubborn})}},
              {"second", bound_action, {.compensate = compensation(bound_action, {.retry = stubborn})}},
              {"refuse", bound_action}},
    .transitions = {{"first", on::ok, "second"}, {"second", on::ok, "refuse"}, {"refuse", on::ok, complete}},
});

bool flakes(const std::string& step) {
  return step == "stock" || step == "each" || step.ends_with(compensation_suffix);
}

class language_world {
 public:
  language_world(std::uint64_t seed, faults faults) : sim(seed, faults), random_(seed) {
    for (const declaration* each : {&order, &round_trip, &ticking, &party, &small, &saga})
      add(definition::from(*each).value());
    sim.people = [this](std::mt19937_64& dice) { do_something(dice); };
  }

  simulation sim;
  bool cancels = false;
  std::map<std::pair<run_id, std::string>, int> begun;
  std::vector<std::string> violations;

  void add(const definition& workflow) {
    std::map<std::string, handler> handlers;
    for (const auto& step : workflow.steps()) {
      if (!has_handler(step.kind)) continue;
      handlers[step.name] =
          make_handler([this, workflow, name = step.name](const json&, step_context& context) -> result<json> {
            ++begun[{context.run(), name}];
            expect_dependencies(workflow, name, context.run());
            if (name == "refuse") return std::unexpected(permanent("no"));
            if (flakes(name) && random_.next_fraction() < 0.3) return std::unexpected(retryable("flaked"));
            return json{{"by", name}};
          });
    }
    sim.add_workflow(workflow, handlers);
  }

 private:
  /// Invariant 1, and that joins wait for all that they are after.
  void expect_dependencies(const definition& workflow, const std::string& name, const run_id& run) {
    const auto history = sim.store().read_run(run);
    for (const std::size_t before : workflow.dependencies(*workflow.find_step(name))) {
      const std::string& needed = workflow.steps()[before].name;
      const bool durable = std::ranges::any_of(history->facts, [&](const fact& f) {
        return f.step == needed && (f.kind == fact_kind::step_completed || f.kind == fact_kind::gate_approved ||
                                    f.kind == fact_kind::event_taken);
      });
      if (durable) continue;
      violations.push_back(std::string(name).append(" began before ").append(needed).append(" was durable"));
    }
  }

  /// One of the people does something to one of the runs; often it makes no sense.
  void do_something(std::mt19937_64& dice) {
    const auto any = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(dice); };
    const auto& runs = sim.started();
    const run_id run = runs[any(runs.size())];
    const event::command by{
        .actor = "person " + std::to_string(any(3)), .reason = "because", .metadata = nullptr, .key = {}};
    switch (any(cancels ? 12 : 11)) {
      case 0:
      case 1:
      case 2:
      case 3:
        sim.give(run, event::approved{.by = by, .step = {}});
        break;
      case 4:
      case 5:
      case 6:
        sim.give(run, event::signalled{.by = by, .name = "paid", .data = 1});
        break;
      case 7:
        sim.give(run, event::signalled{.by = by, .name = "news", .data = any(3) == 0 ? "enough" : "more"});
        break;
      case 8:
      case 9:
        sim.give(run, event::unblocked{.by = by, .step = {}});
        break;
      case 10: {
        event::command once = by;
        once.key = "the same";
        sim.give(run, event::signalled{.by = once, .name = "noise", .data = nullptr});
        break;
      }
      default:
        sim.give(run, event::cancelled{.by = by, .idle = {}});
    }
  }

  seeded_random random_;
};

std::string describe(language_world& w, const run_id& run) {
  const auto history = w.sim.store().read_run(run);
  std::string text = to_string(run) + " " + history->run.workflow + ": " + std::string(to_string(history->run.status));
  const auto jobs = w.sim.store().jobs_of_run(run).value();
  for (const job_row& job : jobs) {
    text += "\n  job " + to_string(job.id) + " " + job.args + " " +
            std::string(squid_mesh::jobs::to_string(job.state)) + " attempt " + std::to_string(job.attempt) + " " +
            job.attempted_by + " at " + to_string(job.scheduled_at);
  }
  for (const fact& f : history->facts) {
    text +=
        "\n  " + to_string(f.at) + " " + std::string(to_string(f.kind)) + " " + f.step + " on " + f.node + " " + f.data;
  }
  return text + "\nnow " + to_string(w.sim.now());
}

/// Each element once, and each compensation once, backwards.
void expect_all_done_once(language_world& w, const journal& history) {
  std::set<json> elements;
  std::vector<std::string> made_good;
  for (const fact& f : history.facts) {
    if (f.kind == fact_kind::element_completed) {
      EXPECT_TRUE(elements.insert(json::parse(f.data).at("index")).second) << describe(w, history.run.id);
    }
    const bool is_compensation = f.kind == fact_kind::step_completed && f.step.ends_with(compensation_suffix);
    if (is_compensation) made_good.push_back(f.step);
  }
  if (history.run.workflow == "sim.party") {
    EXPECT_EQ(elements.size(), 7U) << describe(w, history.run.id);
  }
  if (history.run.workflow == "sim.saga") {
    EXPECT_EQ(made_good, std::vector<std::string>({"second.compensate", "first.compensate"}))
        << describe(w, history.run.id);
  }
}

void expect_honest(language_world& w, const run_id& run) {
  const auto history = w.sim.store().read_run(run);
  ASSERT_TRUE(history);
  std::map<std::string, int> attempts;
  std::int64_t seq = 0;
  std::set<std::string> keys;
  for (const fact& f : history->facts) {
    EXPECT_EQ(f.seq, ++seq);
    if (f.started_at) ++attempts[f.step];
    const json data = f.data.empty() ? json() : json::parse(f.data);
    if (f.kind == fact_kind::event_received && data.contains("key")) {
      EXPECT_TRUE(keys.insert(data["key"]).second);
    }
  }
  for (const auto& [key, begun] : w.begun) {
    if (key.first != run) continue;
    EXPECT_GE(attempts[key.second], begun) << key.second << "\n" << describe(w, run);
  }
  const bool is_saga = history->run.workflow == "sim.saga";
  const run_status expected = is_saga ? run_status::failed : run_status::completed;
  EXPECT_TRUE(w.cancels || history->run.status == expected) << describe(w, run);
  if (!w.cancels) expect_all_done_once(w, *history);
  const auto jobs = w.sim.store().jobs_of_run(run).value();
  for (const job_row& job : jobs) {
    EXPECT_TRUE(job.state == squid_mesh::jobs::state::completed || job.state == squid_mesh::jobs::state::cancelled ||
                job.state == squid_mesh::jobs::state::discarded)
        << describe(w, run);
  }
}

void run_world(std::uint64_t seed, const faults& faults, bool cancels, std::map<std::string, int>& marks) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  language_world w(seed, faults);
  w.cancels = cancels;
  for (int i = 0; i < 3; ++i) w.sim.add_node(3);
  std::vector<run_id> runs;
  for (int i = 0; i < 4; ++i) {
    runs.push_back(w.sim.start("sim.order"));
    runs.push_back(w.sim.start("sim.round_trip"));
    runs.push_back(w.sim.start("sim.party"));
    runs.push_back(w.sim.start("sim.saga"));
  }
  w.sim.run_until([&] { return w.sim.all_ended(); }, 10min);
  w.sim.calm();
  const bool ended = w.sim.run_until([&] { return w.sim.all_ended(); }, 1h);
  for (const run_id& run : runs) {
    ASSERT_TRUE(is_terminal(w.sim.store().read_status(run).value())) << describe(w, run);
  }
  ASSERT_TRUE(ended);
  for (const run_id& run : runs) expect_honest(w, run);
  EXPECT_TRUE(w.violations.empty()) << w.violations.front();
  for (const auto& [mark, count] : w.sim.marks) marks[mark] += count;
}

std::map<std::string, int> run_worlds(std::uint64_t first, std::uint64_t count, const faults& faults,
                                      bool cancels = false) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment.
  const char* more = std::getenv("SQUID_MESH_SEEDS");
  count *= more == nullptr ? 1 : std::max(1UL, std::strtoul(more, nullptr, 10));
  std::map<std::string, int> marks;
  for (std::uint64_t seed = first; seed < first + count && !::testing::Test::HasFailure(); ++seed) {
    run_world(seed, faults, cancels, marks);
  }
  return marks;
}

TEST(LanguageSimulation, RunsEndWithoutFaults) { run_worlds(1, 5, {.people = 20}); }

TEST(LanguageSimulation, NothingIsLostOrDoubledWhenProcessesDieAndPause) {
  auto marks = run_worlds(1'000'000, 15, {.kills = 8, .pauses = 8, .people = 20});
  EXPECT_GT(marks["kill"], 20);
}

TEST(LanguageSimulation, NothingIsLostOrDoubledWhenAnswersAreLostAndOthersMeddle) {
  run_worlds(2'000'000, 15, {.refusals = 20, .lost_before = 20, .lost_after = 20, .meddling = 8, .people = 20});
}

TEST(LanguageSimulation, CancelledRunsConvergeWhateverHappens) {
  run_worlds(3'000'000, 20, {.kills = 5, .pauses = 5, .lost_after = 15, .meddling = 5, .people = 20}, true);
}

TEST(LanguageSimulation, EachTickStartsOneRunHoweverManyNodesLiveAndDie) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    language_world w(seed, {.kills = 40, .pauses = 40, .lost_before = 20, .lost_after = 40});
    for (int i = 0; i < 3; ++i) w.sim.add_node(2);
    const time_point begin = w.sim.now();
    w.sim.run_until([] { return false; }, 30min);
    w.sim.calm();
    w.sim.run_until([] { return false; }, 5min);
    const auto runs = w.sim.store().list_runs({.workflow = "sim.ticking", .limit = 1000}, std::nullopt).value();
    std::set<std::string> intended;
    for (const run_record& run : runs) {
      EXPECT_TRUE(intended.insert(json::parse(run.origin).at("schedule").at("intended_at")).second);
    }
    // One each minute, from the first after the beginning to the last before now.
    std::set<std::string> expected;
    const time_point now = w.sim.now();
    for (time_point at = std::chrono::floor<std::chrono::minutes>(begin) + 1min; at < now; at += 1min) {
      if (at < now - 10s || intended.contains(to_string(at))) expected.insert(to_string(at));
    }
    EXPECT_EQ(intended, expected);
    EXPECT_GT(w.sim.marks["kill"], 3);
  }
}

}  // namespace
}  // namespace squid_mesh::testing
