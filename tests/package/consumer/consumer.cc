// A program of somebody who has installed the library: public headers and libraries alone.
#include <squid_mesh/squid_mesh.hpp>

#include <cstdlib>
#include <iostream>

namespace sm = squid_mesh;

// What the package says of itself is what its headers say.
static_assert(sm::version_string == FOUND_VERSION);
static_assert(SQUID_MESH_VERSION_MAJOR == sm::version_major && SQUID_MESH_VERSION_MINOR == sm::version_minor &&
              SQUID_MESH_VERSION_PATCH == sm::version_patch);

namespace {

sm::json twice(const sm::json& input) { return {{"result", input.at("n").get<int>() * 2}}; }

constexpr auto doubling = sm::workflow({
    .name = "consumer.doubling",
    .triggers = {{.name = "manual", .payload = {{"n", sm::type::integer}}}},
    .steps = {{"twice", sm::action<twice>}},
    .transitions = {{"twice", sm::on::ok, sm::complete}},
});

/// Runs the workflow once, on a database in memory.
sm::result<sm::run_view> run_once() {
  auto mesh = sm::mesh::open({.database = "sqlite:file:/consumer?vfs=memdb"});
  if (!mesh) return std::unexpected(mesh.error());
  if (auto added = mesh->add(doubling); !added) return std::unexpected(added.error());
  if (auto started = mesh->start(); !started) return std::unexpected(started.error());
  const auto run = mesh->start_run(doubling, {{"n", 21}});
  if (!run) return std::unexpected(run.error());
  return mesh->await_run(run->id, sm::milliseconds(10'000));
}

}  // namespace

int main() {
  const auto run = run_once();
  if (!run) {
    std::cerr << to_string(run.error()) << '\n';
    return EXIT_FAILURE;
  }
  if (run->context.at("result") != 42) return EXIT_FAILURE;
  std::cout << "squid_mesh works as a package: " << run->context.at("result") << '\n';
  return EXIT_SUCCESS;
}
