// A run as text for people.
#pragma once

#include <squid_mesh/run.hpp>

#include <string>

namespace daily_digest {

/// One line: when, what, which step, and why it failed.
std::string event_line(const squid_mesh::audit_event& event);

/// The run with its steps, attempts and history, in tables.
std::string run_report(const squid_mesh::run_view& run);

}  // namespace daily_digest
