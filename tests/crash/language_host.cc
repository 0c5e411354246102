// A host of workflows that start, undo and multiply: `language_host DATABASE WORKFLOW` starts a run of the workflow, or
// goes on with the one that was started before, and ends when it has ended.
#include <squid_mesh/squid_mesh.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

namespace {

namespace sm = squid_mesh;
using namespace std::chrono_literals;

sm::json give(const sm::json& /*input*/) { return sm::json::object(); }
sm::result<sm::json> refuse(const sm::json& /*input*/) { return std::unexpected(sm::permanent("no")); }
sm::json item(const sm::json& input) { return input.at("item"); }

sm::result<sm::json> spawn(const sm::json& /*input*/, sm::step_context& context) {
  auto run = context.start_child_run("crash.child", {}, {.key = "spawned"});
  if (!run) return std::unexpected(std::move(run).error());
  return sm::json{{"spawned", to_string(run->id)}};
}

constexpr auto saga = sm::workflow({
    .name = "crash.saga",
    .triggers = {{.name = "manual"}},
    .steps = {{"first", sm::action<give>, {.compensate = sm::action<give>}},
              {"second", sm::action<give>, {.compensate = sm::action<give>}},
              {"last", sm::action<refuse>}},
    .transitions = {{"first", sm::on::ok, "second"},
                    {"second", sm::on::ok, "last"},
                    {"last", sm::on::ok, sm::complete}},
});

constexpr auto child_of_all = sm::workflow({
    .name = "crash.child",
    .triggers = {{.name = "manual"}},
    .steps = {{"only", sm::action<give>}},
    .transitions = {{"only", sm::on::ok, sm::complete}},
});

constexpr auto family = sm::workflow({
    .name = "crash.family",
    .triggers = {{.name = "manual"}},
    .steps = {{"spawn", sm::action<spawn>},
              {"await", sm::child{"crash.child"}, {.output = "awaited"}},
              {"last", sm::action<give>}},
    .transitions = {{"spawn", sm::on::ok, "await"}, {"await", sm::on::ok, "last"}, {"last", sm::on::ok, sm::complete}},
});

constexpr auto list = sm::workflow({
    .name = "crash.list",
    .triggers = {{.name = "manual", .payload = {{"items", sm::type::list, sm::json_value("[0,1,2,3,4,5,6]")}}}},
    .steps = {{"each", sm::for_each{.action = sm::action<item>, .list = "items", .parallel = 3}, {.output = "all"}},
              {"last", sm::action<give>}},
    .transitions = {{"each", sm::on::ok, "last"}, {"last", sm::on::ok, sm::complete}},
});

sm::result<void> work(const std::string& database, const std::string& workflow) {
  auto mesh = sm::mesh::open({.database = database});
  if (!mesh) return std::unexpected(mesh.error());
  for (const sm::declaration* each : {&saga, &child_of_all, &family, &list}) {
    if (auto added = mesh->add(*each); !added) return added;
  }
  if (auto started = mesh->start({.lease = 2s, .poll = 100ms}); !started) return started;
  const auto run = mesh->start_run(workflow, {}, {.idempotency_key = "only"});
  if (!run) return std::unexpected(run.error());
  // What runs have started goes on by itself.
  for (auto runs = mesh->list_runs(); runs; runs = mesh->list_runs()) {
    bool all_have_ended = true;
    for (const sm::run_summary& each : runs->runs) all_have_ended = all_have_ended && is_terminal(each.status);
    if (all_have_ended) return {};
    if (auto ended = mesh->await_run(runs->runs.back().id, 60s); !ended) return std::unexpected(ended.error());
    if (auto ended = mesh->await_run(runs->runs.front().id, 60s); !ended) return std::unexpected(ended.error());
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return EXIT_FAILURE;
  try {
    const auto done = work(argv[1], argv[2]);
    if (done) return EXIT_SUCCESS;
    std::cerr << to_string(done.error()) << '\n';
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
  }
  return EXIT_FAILURE;
}
