// The commands, in groups. Each function adds its group to the command line; what was chosen runs while that is parsed.
#pragma once

#include "context.h"

#include <CLI/CLI.hpp>

#include <string>

namespace squid_mesh::cli {

/// `runs list`, `show`, `explain`, `graph`, `watch`.
void add_looking(CLI::App& runs, context& with);
/// `runs start`, `cancel`, `approve`, `reject`, `unblock`, `signal`, `retry`, `replay`, `migrate`, `compensation`.
void add_changing(CLI::App& runs, context& with);
/// `runs export`, `import`, `remove-import`.
void add_moving(CLI::App& runs, context& with);
void add_schedules(CLI::App& app, context& with);
void add_jobs(CLI::App& app, context& with);
void add_queues(CLI::App& app, context& with);
/// `queues list`, beside what changes them.
void add_queue_list(CLI::App& queues, context& with);
/// `nodes`.
void add_overview(CLI::App& app, context& with);
void add_definitions(CLI::App& app, context& with);
void add_prune(CLI::App& app, context& with);
void add_metrics(CLI::App& app, context& with);
void add_doctor(CLI::App& app, context& with);
/// `migrate`.
void add_schema(CLI::App& app, context& with);
/// Where the host has workflows.
void add_work(CLI::App& app, context& with);
/// `completion`, `man`, which tell of all commands that are there by then.
void add_about(CLI::App& app, context& with, const std::string& version);

}  // namespace squid_mesh::cli
