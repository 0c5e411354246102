// A host's program whose command line is that of squid-mesh, with a workflow in it.
#include <squid_mesh/command_line.hpp>
#include <squid_mesh/squid_mesh.hpp>

namespace {

namespace sm = squid_mesh;

sm::json greet(const sm::json& input) { return {{"greeting", "hello " + input.at("name").get<std::string>()}}; }

constexpr auto greeting = sm::workflow({
    .name = "test.greeting",
    .triggers = {{.name = "manual", .payload = {{"name", sm::type::string}}}},
    .steps = {{"greet", sm::action<greet>}},
    .transitions = {{"greet", sm::on::ok, sm::complete}},
});

}  // namespace

int main(int argc, char** argv) {
  return sm::run_command_line({.program = "greeter", .set_up = [](sm::mesh& host) { return host.add(greeting); }}, argc,
                              argv);
}
