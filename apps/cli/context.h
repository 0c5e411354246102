// What all commands share: the database, where the output goes, and how they fail.
#pragma once

#include "progress.h"
#include "terminal.h"

#include <squid_mesh/command_line.hpp>
#include <squid_mesh/squid_mesh.hpp>

#include <fmt/format.h>

#include <iosfwd>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace squid_mesh::cli {

/// A command that can't be done, and why.
struct failure {
  error reason;
  std::string hint{};  ///< what to try
};

/// The end of a command that has said all there is to say, but not all is well.
struct early_exit {
  exit_code code = exit_code::failed;
};

/// The value of a result; throws a `failure`.
template <class T>
T must(result<T> outcome) {
  if (!outcome) throw failure{std::move(outcome).error()};
  if constexpr (!std::is_void_v<T>) return *std::move(outcome);
}

[[noreturn]] void refuse(std::string message, std::string hint = {});

/// What stands before a command on the command line.
struct global_options {
  std::string database;
  bool as_json = false;
  bool utc = false;
};

/// The program's surroundings; a command writes its result to `out` and all else to `err`.
struct streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  terminal on;
};

class context {
 public:
  context(const command_line& host, const streams& io);

  global_options given;

  // Of the mesh, as they are when it is opened.
  log_sink log;  ///< at first the host's, or else warnings beside the result
  telemetry_handlers telemetry;

  /// The database, opened when it is first asked for, with the host's workflows. Its schema is left as it is, and a
  /// file that isn't there isn't made: the programs that work on it may be older, and a path mistyped. Throws a
  /// `failure`.
  mesh& database() { return open(false); }
  /// The same where the host itself would have opened it: where there is a host, the schema is made or brought up to
  /// date.
  mesh& database_of_host() { return open(host_.set_up != nullptr); }
  /// Makes the schema, or brings it up to date.
  void migrate() const;
  /// As `mesh_options` wants it.
  [[nodiscard]] std::string database_url() const;
  [[nodiscard]] const command_line& host() const { return host_; }

  [[nodiscard]] const terminal& on() const { return io_.on; }
  [[nodiscard]] std::istream& in() const { return io_.in; }
  [[nodiscard]] std::ostream& out() const { return io_.out; }
  [[nodiscard]] bool as_json() const { return given.as_json; }

  void print(const json& document) const;
  void print(const table& rows) const;
  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) const {
    write_line(fmt::format(text, std::forward<Args>(args)...));
  }
  /// A command that helps, as the library says it: `squid-mesh ...`. Shown as one of this program.
  void say_command(std::size_t indent, std::string_view command) const;
  /// The result, in either form.
  void tell(const std::string& line, const json& document) const;
  /// Beside the result.
  void note(const std::string& line) const;

  /// Says how far long work has come, while it lives.
  [[nodiscard]] progress show_progress(std::string what, std::size_t whole = 0) const;

  /// Asks whether to go on; `yes` answers. Throws where nobody is there to be asked.
  bool confirms(const std::string& question, bool yes) const;

  [[nodiscard]] std::string time(time_point at) const;
  [[nodiscard]] static time_point now();

  /// A value given as JSON: itself, `@FILE`, or `-` for standard input.
  json read_json(const std::string& text, const std::string& option) const;

 private:
  void write_line(const std::string& line) const;
  mesh& open(bool migrate);

  const command_line& host_;
  const streams& io_;
  std::optional<mesh> mesh_;
};

/// The run of an id. Throws a `failure`.
run_id parse_run_id(const std::string& text);

}  // namespace squid_mesh::cli
