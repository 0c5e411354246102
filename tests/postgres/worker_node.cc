// A process that works on `single` until it is killed: `worker_node URL NAME LEASE_MS DIRECTORY`. Whoever begins a step
// writes his name and the run to DIRECTORY/begun; the step ends when DIRECTORY/NAME.open exists. SIGTERM is not
// handled.
#include "postgres/mesh_world.h"

#include <filesystem>
#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
  using namespace squid_mesh;
  using namespace squid_mesh::testing;
  if (argc != 5) return 2;
  const std::string name = argv[2];
  const std::filesystem::path directory = argv[4];
  auto opened = mesh::open({.database = argv[1], .node_name = name});
  if (!opened) {
    std::cerr << to_string(opened.error()) << '\n';
    return 1;
  }
  const handler hold = make_handler([&](const json&, step_context& context) {
    std::ofstream(directory / "begun", std::ios::app) << name + " " + to_string(context.run()) + "\n" << std::flush;
    while (!exists(directory / (name + ".open"))) std::this_thread::sleep_for(2ms);
    return json{{"by", name}};
  });
  if (!opened->add(single, {{"work", hold}})) return 1;
  auto worked =
      opened->work({.queues = {{"squid_mesh", 2, 2}}, .lease = milliseconds(std::stoi(argv[3])), .poll = 100ms});
  if (!worked) std::cerr << to_string(worked.error()) << '\n';
  return worked ? 0 : 1;
}
