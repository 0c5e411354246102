// What the program has that embeds the library.
#pragma once

#include <squid_mesh/squid_mesh.hpp>

#include <csignal>
#include <stdexcept>

struct warehouse {};

inline void check_out() {}
constexpr auto checkout = squid_mesh::workflow({
    .name = "shop.checkout",
    .triggers = {{.name = "manual", .payload = {{"order", squid_mesh::type::integer}}}},
    .steps = {{"charge", squid_mesh::action<check_out>}},
    .transitions = {{"charge", squid_mesh::on::ok, squid_mesh::complete}},
});

void serve_requests(squid_mesh::mesh& mesh);
squid_mesh::result<void> archive(const squid_mesh::json& document);

extern squid_mesh::mesh& mesh;
extern squid_mesh::run_id id;
