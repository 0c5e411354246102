// squid_mesh/workflow.hpp - declaring a workflow, checked by the compiler.
//
//   constexpr auto greet = sm::workflow({
//     .name = "demo.greet",
//     .triggers = {{.name = "manual", .payload = {{"name", sm::type::string, sm::value("world")}}}},
//     .steps = {{"compose", sm::action<compose>, {.output = "text"}}},
//     .transitions = {{"compose", sm::on::ok, sm::complete}},
//   });
//
// A declaration that breaks a rule doesn't compile, and the name of the rule is in the compiler's message.
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/detail/rules.hpp>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// Checks a declaration while compiling and returns it. The rules are listed in `detail/rule.hpp`.
consteval declaration workflow(const declaration& declared) {
  detail::check(declared, detail::compile_time_report{});
  return declared;
}

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
