// Running a command with streams that are given.
#pragma once

#include "context.h"

namespace squid_mesh::cli {

/// What `run_command_line` does. Returns the exit code.
int run(const command_line& host, int argc, const char* const* argv, const streams& io);

}  // namespace squid_mesh::cli
