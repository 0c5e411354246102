// What the program has whose telemetry is shown.
#pragma once

#include <squid_mesh/squid_mesh.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

extern squid_mesh::mesh& mesh;

void my_log(std::string_view severity, std::string_view message, std::string_view run, std::string_view step);
void serve_text(const std::string& path, std::function<std::string()> text);
std::string request_header(std::string_view name);
squid_mesh::result<squid_mesh::json> ask_the_bank(const squid_mesh::json& what,
                                                  std::vector<std::pair<std::string, std::string>> headers);
void call_somebody(std::string_view workflow, std::string_view run);
