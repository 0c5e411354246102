// squid_mesh/command_line.hpp - the commands of `squid-mesh` in a host's own program, with its workflows linked in.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/log.hpp>
#include <squid_mesh/mesh.hpp>

#include <functional>
#include <string>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// A program whose command line is that of `squid-mesh`.
struct command_line {
  std::string program = "squid-mesh";  ///< what it calls itself
  std::string description = "Looks after durable workflows.";
  std::string version{};   ///< what `--version` prints; empty: the library's
  std::string database{};  ///< where neither `--database` nor SQUID_MESH_DATABASE says one
  /// Adds the host's workflows to the database before a command runs, and whatever their handlers need. With it the
  /// program also has the command `work`, which works on runs until it gets SIGINT or SIGTERM. As the host itself
  /// would, `work` and `runs start` bring the schema up to date then, and make a SQLite file that isn't there. No other
  /// command does, but for `migrate`: a mistyped path isn't to become an empty database, nor a look to change what
  /// others use. `doctor` opens the database without the host's workflows.
  std::function<result<void>(mesh&)> set_up{};
  work_options working{};          ///< of `work`; the options of the command line change them
  log_sink log{};                  ///< unset: warnings and errors, to standard error; `work --log` comes before it
  telemetry_handlers telemetry{};  ///< of the mesh; the options of `work` add to them
};

/// What the program exits with.
enum class exit_code {
  done = 0,
  /// Something went wrong that no other code says; of `runs watch`: the run has not completed; of `doctor`: there are
  /// warnings or errors, be it that the database can't be opened; of `migrate status`: migrations are missing.
  failed = 1,
  usage = 2,        ///< The command line or what it says can't be understood.
  not_found = 3,    ///< There is no such run, job, workflow or schedule, or no such file.
  refused = 4,      ///< The present state forbids it, or somebody was asked and said no.
  unavailable = 5,  ///< The database can't be reached or is of another version, or a port is taken.
};

/// Runs the command that the arguments of `main` say, and returns what `main` should. Writes results to standard
/// output, and questions, errors and hints to standard error. Not to be called twice at the same time.
int run_command_line(const command_line& host, int argc, const char* const* argv);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
