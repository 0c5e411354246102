// Races and crashes of whole nodes, seed by seed. The same seed gives the same history again.
#include "support/simulation.h"

#include "inspect/view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;

/// A chain that has something of everything: plain steps, a flaky one, a wait, an error route.
constexpr auto chain = workflow({
    .name = "sim.chain",
    .triggers = {{.name = "manual", .payload = {{"n", type::integer, value(1)}}}},
    .steps = {{"first", bound_action, {.output = "first"}},
              {"flaky",
               bound_action,
               {.output = "flaky", .retry = {.max_attempts = 50, .backoff = exponential(1s, 8s)}}},
              {"rest", wait{5s}},
              {"doomed", bound_action, {.retry = {.max_attempts = 2, .backoff = constant(1s)}}},
              {"repair", bound_action, {.output = "repaired"}},
              {"last", bound_action, {.output = "last"}}},
    .transitions = {{"first", on::ok, "flaky"},
                    {"flaky", on::ok, "rest"},
                    {"rest", on::ok, "doomed"},
                    {"doomed", on::ok, "last"},
                    {"doomed", on::error, "repair"},
                    {"repair", on::ok, "last"},
                    {"last", on::ok, complete}},
});

/// What the handlers saw: every beginning of an attempt, and whether what it reads was durable then.
struct ledger {
  std::map<std::pair<run_id, std::string>, int> begun;
  std::vector<std::string> violations;
};

class world {
 public:
  world(std::uint64_t seed, faults faults) : sim(seed, faults), random_(seed) {
    const auto definition = definition::from(chain);
    std::map<std::string, handler> handlers;
    for (const auto& step : definition->steps()) {
      if (step.kind == step_kind::action) handlers[step.name] = make_handler(action_for(step.name));
    }
    sim.add_workflow(*definition, handlers);
  }

  simulation sim;
  ledger seen;

 private:
  std::function<result<json>(const json&, step_context&)> action_for(const std::string& name) {
    return [this, name](const json&, step_context& context) -> result<json> {
      ++seen.begun[{context.run(), name}];
      expect_durable_predecessor(context.run(), name);
      if (name == "flaky" && random_.next_fraction() < 0.3) return std::unexpected(retryable("flaked"));
      if (name == "doomed") return std::unexpected(permanent("as declared"));
      return json{{"by", name}};
    };
  }

  /// Invariant 1: a step's output is durable before any step that could read it starts.
  void expect_durable_predecessor(const run_id& run, const std::string& name) {
    static const std::map<std::string, std::string> before{{"flaky", "first"}, {"doomed", "rest"}, {"last", "repair"}};
    const auto needed = before.find(name);
    if (needed == before.end()) return;
    const auto history = sim.store().read_run(run);
    const bool durable = history && std::ranges::any_of(history->facts, [&](const fact& f) {
                           return f.step == needed->second && f.kind == fact_kind::step_completed;
                         });
    if (!durable) seen.violations.push_back(name + " began before " + needed->second + " was durable");
  }

  seeded_random random_;
};

void expect_honest_history(world& w, const run_id& run) {
  const auto history = w.sim.store().read_run(run);
  ASSERT_TRUE(history);
  std::map<std::string, int> completed;
  std::map<std::string, int> attempts;
  std::int64_t seq = 0;
  for (const fact& f : history->facts) {
    EXPECT_EQ(f.seq, ++seq);
    if (f.kind == fact_kind::step_completed) ++completed[f.step];
    if (f.started_at) ++attempts[f.step];
  }
  EXPECT_EQ(history->run.status, run_status::completed) << to_string(run);
  for (const char* step : {"first", "flaky", "rest", "repair", "last"}) EXPECT_EQ(completed[step], 1) << step;
  // Invariant 5: whatever began is in the history. A loss may be recorded for an attempt that had not quite begun.
  for (const auto& [key, begun] : w.seen.begun) {
    if (key.first != run) continue;
    EXPECT_GE(attempts[key.second], begun) << key.second;
  }
}

/// Where the runs are that haven't ended: what one wants to see of a seed that fails.
std::string describe_stuck(world& w, const std::vector<run_id>& runs) {
  std::string text = "a run is stuck:";
  for (const run_id& run : runs) {
    const auto history = w.sim.store().read_run(run);
    if (!history || is_terminal(history->run.status)) continue;
    text += "\n" + to_string(run) + ": " + std::string(to_string(history->run.status));
    const auto jobs = w.sim.store().jobs_of_run(run).value();
    for (const job_row& job : jobs) {
      text += "; job " + job.args + " " + std::string(squid_mesh::jobs::to_string(job.state)) + " of " +
              job.attempted_by + ", attempt " + std::to_string(job.attempt) + ", scheduled at " +
              to_string(job.scheduled_at);
    }
    for (const fact& f : history->facts) {
      text += "\n  " + to_string(f.at) + " " + std::string(to_string(f.kind)) + " " + f.step + " on " + f.node;
    }
  }
  return text + "\nnow " + to_string(w.sim.now());
}

void run_world(std::uint64_t seed, faults faults, std::map<std::string, int>& marks) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  world w(seed, faults);
  for (int i = 0; i < 3; ++i) w.sim.add_node(2);
  std::vector<run_id> runs;
  runs.reserve(8);
  for (int i = 0; i < 8; ++i) runs.push_back(w.sim.start("sim.chain"));
  w.sim.run_until([&] { return w.sim.all_ended(); }, 10min);
  w.sim.calm();
  ASSERT_TRUE(w.sim.run_until([&] { return w.sim.all_ended(); }, 1h)) << describe_stuck(w, runs);
  for (const run_id& run : runs) expect_honest_history(w, run);
  EXPECT_TRUE(w.seen.violations.empty()) << w.seen.violations.front();
  for (const auto& [mark, count] : w.sim.marks) marks[mark] += count;
}

/// `count` worlds from seed `first` on; SQUID_MESH_SEEDS=N in the environment makes it N times as many.
std::map<std::string, int> run_worlds(std::uint64_t first, std::uint64_t count, faults faults) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment.
  const char* more = std::getenv("SQUID_MESH_SEEDS");
  count *= more == nullptr ? 1 : std::max(1UL, std::strtoul(more, nullptr, 10));
  std::map<std::string, int> marks;
  for (std::uint64_t seed = first; seed < first + count && !::testing::Test::HasFatalFailure(); ++seed) {
    run_world(seed, faults, marks);
  }
  return marks;
}

TEST(Simulation, RunsEndWithoutFaults) { run_worlds(1, 5, {}); }

TEST(Simulation, NothingIsLostOrDoubledWhenProcessesDieAndPause) {
  auto marks = run_worlds(1'000'000, 30, {.kills = 10, .pauses = 10});
  EXPECT_GT(marks["kill"], 50);
  EXPECT_GT(marks["pause"], 50);
}

TEST(Simulation, NothingIsLostOrDoubledWhenTheDatabaseRefusesAndAnswersAreLost) {
  auto marks = run_worlds(2'000'000, 20, {.refusals = 50, .lost_before = 30, .lost_after = 30});
  EXPECT_GT(marks["refusal"], 10);
  EXPECT_GT(marks["lost_before"], 10);
  EXPECT_GT(marks["lost_after"], 10);
}

TEST(Simulation, NothingIsLostOrDoubledWhenOthersMeddleWithJobs) {
  auto marks = run_worlds(4'000'000, 30, {.kills = 2, .meddling = 15});
  EXPECT_GT(marks["meddling"], 50);
}

TEST(Simulation, NothingIsLostOrDoubledWhenEverythingGoesWrong) {
  run_worlds(3'000'000, 30, {.kills = 5, .pauses = 10, .refusals = 20, .lost_before = 20, .lost_after = 20});
}

TEST(Simulation, TheSameSeedGivesTheSameHistory) {
  const auto trace = [](std::uint64_t seed) {
    world w(seed, {.kills = 10, .pauses = 10, .lost_after = 20});
    w.sim.add_node(2);
    w.sim.add_node(2);
    std::string text;
    std::vector<run_id> runs;
    runs.reserve(4);
    for (int i = 0; i < 4; ++i) runs.push_back(w.sim.start("sim.chain"));
    w.sim.run_until([&] { return w.sim.all_ended(); }, 20min);
    for (const run_id& run : runs) {
      const auto history = w.sim.store().read_run(run);
      for (const fact& f : history->facts) {
        text += to_string(run) + to_string(f.at) + std::string(to_string(f.kind)) + f.step + f.node + "\n";
      }
    }
    return text;
  };
  EXPECT_EQ(trace(7), trace(7));
  EXPECT_NE(trace(7), trace(8));
}

// Whoever deletes, cancels or completes a run's job, the run is noticed and gets a new one.
TEST(Simulation, RunsWhoseJobsVanishAreMended) {
  world w(1, {});
  w.sim.add_node(2);
  const run_id run = w.sim.start("sim.chain");
  const auto waits = [&] {
    const auto history = w.sim.store().read_run(run);
    return !history->facts.empty() && history->facts.back().kind == fact_kind::wait_started;
  };
  ASSERT_TRUE(w.sim.run_until(waits, 10min));
  const auto job = w.sim.store().read_run(run)->run.job;
  ASSERT_TRUE(job);
  ASSERT_TRUE(*w.sim.store().cancel_job(*job, w.sim.now()));
  ASSERT_TRUE(w.sim.run_until([&] { return w.sim.all_ended(); }, 10min));
  EXPECT_EQ(w.sim.store().read_run(run)->run.status, run_status::completed);
}

TEST(Simulation, AnOutputThatCannotBeStoredFailsItsStep) {
  constexpr auto single = workflow({
      .name = "sim.single",
      .triggers = {{.name = "manual"}},
      .steps = {{"only", bound_action, {.output = "only"}}},
      .transitions = {{"only", on::ok, complete}},
  });
  simulation sim(1, {});
  sim.add_workflow(definition::from(single).value(),
                   {{"only", make_handler([](const json&) { return "unstorable"; })}});
  sim.add_node(1);
  const run_id run = sim.start("sim.single");
  ASSERT_TRUE(sim.run_until([&] { return sim.all_ended(); }, 60s));
  EXPECT_EQ(sim.store().read_status(run), run_status::failed);
}

}  // namespace
}  // namespace squid_mesh::testing
