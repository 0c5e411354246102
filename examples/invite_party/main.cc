// A party: every guest is invited, several at a time, while the food is ordered by a workflow of its own.
#include <squid_mesh/squid_mesh.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

namespace {

namespace sm = squid_mesh;
using namespace std::chrono_literals;

/// Some don't answer at once, and one has moved away.
sm::result<sm::json> invite(const sm::json& input, sm::step_context& context) {
  const auto guest = input.at("item").get<std::string>();
  if (guest == "Nemo") return std::unexpected(sm::permanent(guest + " has moved away"));
  if (guest.size() % 2 == 0 && context.attempt() == 1) return std::unexpected(sm::retryable("no answer"));
  return sm::json(guest + " comes");
}

/// A cake for each guest who comes, and a run of its own for the music, for which nobody waits.
sm::result<sm::json> plan_food(const sm::json& input, sm::step_context& context) {
  const auto music = context.start_child_run("party.music", {}, {.key = "music"});
  if (!music) return std::unexpected(music.error());
  return sm::json{{"cakes", input.at("invited").at("results").size() - input.at("invited").at("failures").size()}};
}

sm::json bake(const sm::json& input) { return std::to_string(input.at("cakes").get<int>()) + " cakes"; }

void tune(const sm::json& /*input*/) {}

constexpr auto catering = sm::workflow({
    .name = "party.catering",
    .triggers = {{.name = "order", .payload = {{"cakes", sm::type::integer}}}},
    .steps = {{"bake", sm::action<bake>, {.input = {"cakes"}, .output = "food"}}},
    .transitions = {{"bake", sm::on::ok, sm::complete}},
});

constexpr auto music = sm::workflow({
    .name = "party.music",
    .triggers = {{.name = "order"}},
    .steps = {{"tune", sm::action<tune>}},
    .transitions = {{"tune", sm::on::ok, sm::complete}},
});

constexpr auto party = sm::workflow({
    .name = "party.invite",
    .triggers = {{.name = "manual", .payload = {{"guests", sm::type::list}}}},
    .steps = {{"invite",
               sm::for_each{.action = sm::action<invite>,
                            .list = "guests",
                            .parallel = 4,
                            .on_failure = sm::on_element_failure::tolerate,
                            .tolerated = 0.25},
               {.output = "invited", .retry = {.max_attempts = 3, .backoff = sm::constant(10ms)}}},
              {"plan_food", sm::action<plan_food>, {.input = {"invited"}, .output = "plan"}},
              {"order_food", sm::child{"party.catering"}, {.input = {{"cakes", "plan.cakes"}}, .output = "ordered"}}},
    .transitions = {{"invite", sm::on::ok, "plan_food"},
                    {"plan_food", sm::on::ok, "order_food"},
                    {"order_food", sm::on::ok, sm::complete}},
});

sm::result<void> celebrate(sm::mesh& mesh) {
  const auto run = mesh.start_run(party, {{"guests", {"Ada", "Grace", "Linus", "Nemo", "Barbara", "Ken"}}});
  if (!run) return std::unexpected(run.error());
  const auto ended = mesh.await_run(run->id, 60s);
  if (!ended) return std::unexpected(ended.error());
  std::cout << "the party is " << to_string(ended->status) << '\n';
  const sm::json& invited = ended->context.at("invited");
  for (const sm::json& answer : invited.at("results")) {
    if (answer.is_string()) std::cout << answer.get<std::string>() << '\n';
  }
  for (const sm::json& failure : invited.at("failures")) {
    std::cout << failure.at("error").at("message").get<std::string>() << '\n';
  }
  std::cout << "ordered: " << ended->context.at("ordered").at("food").get<std::string>() << '\n';
  for (const sm::child_view& child : ended->children) {
    std::cout << child.workflow << " was started by " << child.step << '\n';
  }
  return {};
}

sm::result<void> play(const std::string& database) {
  auto mesh = sm::mesh::open({.database = database});
  if (!mesh) return std::unexpected(mesh.error());
  for (const sm::declaration* each : {&catering, &music, &party}) {
    if (auto added = mesh->add(*each); !added) return added;
  }
  if (auto started = mesh->start(); !started) return started;
  return celebrate(*mesh);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto played = play(argc > 1 ? argv[1] : "sqlite:invite_party.db");
    if (played) return EXIT_SUCCESS;
    std::cerr << to_string(played.error()) << '\n';
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
  }
  return EXIT_FAILURE;
}
