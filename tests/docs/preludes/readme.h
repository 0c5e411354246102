// What the example in README.md is about.
#pragma once

#include <squid_mesh/squid_mesh.hpp>

#include <string>
#include <utility>

squid_mesh::result<squid_mesh::json> fetch_feed(const squid_mesh::json& input);
squid_mesh::result<std::string> build_digest(const squid_mesh::json& input);
squid_mesh::result<void> post_to_discord(const squid_mesh::json& input);

inline std::unexpected<squid_mesh::error> fail(squid_mesh::error reason) { return std::unexpected(std::move(reason)); }
extern std::string url;
