// A release that two people have to approve. Who decides is asked while no worker is held, for as long as it takes;
// here the program plays all the parts.
#include <squid_mesh/squid_mesh.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

namespace {

namespace sm = squid_mesh;
using namespace std::chrono_literals;

sm::json assess(const sm::json& input) {
  return {{"risk", input.at("change").get<std::string>().find("schema") == std::string::npos ? 20 : 80}};
}

sm::json deploy(const sm::json& input) {
  std::cout << "deploying " << input.at("change").get<std::string>() << '\n';
  return {{"deployed", true}};
}

sm::json announce_rejection(const sm::json& input) {
  std::cout << input.at("change").get<std::string>() << " is not deployed: " << input.at("why").get<std::string>()
            << '\n';
  return {{"deployed", false}};
}

constexpr auto release = sm::workflow({
    .name = "operations.release",
    .triggers = {{.name = "requested", .payload = {{"change", sm::type::string}}}},
    .steps = {{"assess", sm::action<assess>, {.input = {"change"}, .output = "assessment"}},
              {"approve", sm::approval{.quorum = 2, .expires_in = 72h}, {.output = "decision"}},
              {"maintenance_window", sm::pause{}},
              {"deploy", sm::action<deploy>, {.input = {"change"}}},
              {"announce_rejection",
               sm::action<announce_rejection>,
               {.input = {"change", {"why", "decision.comment"}}}}},
    .transitions = {{"assess", sm::on::ok, "approve", sm::greater_than("assessment.risk", 50)},
                    {"assess", sm::on::ok, "maintenance_window"},
                    {"approve", sm::on::ok, "maintenance_window"},
                    {"approve", sm::on::error, "announce_rejection"},
                    {"maintenance_window", sm::on::ok, "deploy"},
                    {"deploy", sm::on::ok, sm::complete},
                    {"announce_rejection", sm::on::ok, sm::complete}},
});

/// Waits until the run needs a person, and says what for.
sm::result<void> wait_for_gate(const sm::mesh& mesh, const sm::run_id& run) {
  while (true) {
    const auto why = mesh.explain_run(run);
    if (!why) return std::unexpected(why.error());
    if (why->reason == sm::run_reason::waiting_for_approval || why->reason == sm::run_reason::paused) {
      std::cout << why->summary << '\n';
      return {};
    }
    std::this_thread::sleep_for(10ms);
  }
}

sm::result<void> play(sm::mesh& mesh) {
  const auto good = mesh.start_run(release, {{"change", "schema 7"}});
  if (!good) return std::unexpected(good.error());
  if (auto there = wait_for_gate(mesh, good->id); !there) return there;
  for (const char* actor : {"ada", "grace"}) {
    const auto approved = mesh.approve_run(good->id, {.actor = actor, .comment = "tested", .idempotency_key = actor});
    if (!approved) return std::unexpected(approved.error());
  }
  if (auto there = wait_for_gate(mesh, good->id); !there) return there;
  if (auto done = mesh.unblock_run(good->id, {.actor = "edsger"}); !done) return std::unexpected(done.error());

  const auto bad = mesh.start_run(release, {{"change", "schema 8"}});
  if (!bad) return std::unexpected(bad.error());
  if (auto there = wait_for_gate(mesh, bad->id); !there) return there;
  const auto rejected = mesh.reject_run(bad->id, {.actor = "grace", .comment = "not on a Friday"});
  if (!rejected) return std::unexpected(rejected.error());

  for (const sm::run_id& id : {good->id, bad->id}) {
    const auto run = mesh.await_run(id, 60s);
    if (!run) return std::unexpected(run.error());
    std::cout << run->payload.at("change").get<std::string>() << ": " << to_string(run->status) << ", decided by "
              << run->context.at("decision").at("actor").get<std::string>() << '\n';
  }
  return {};
}

sm::result<void> run(const std::string& database) {
  auto mesh = sm::mesh::open({.database = database});
  if (!mesh) return std::unexpected(mesh.error());
  if (auto added = mesh->add(release); !added) return added;
  if (auto started = mesh->start(); !started) return started;
  return play(*mesh);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto played = run(argc > 1 ? argv[1] : "sqlite:manual_approval.db");
    if (played) return EXIT_SUCCESS;
    std::cerr << to_string(played.error()) << '\n';
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
  }
  return EXIT_FAILURE;
}
