// Options that several commands have.
#pragma once

#include "context.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

namespace squid_mesh::cli {

/// Which runs are meant: `--workflow`, `--status`, `--parent`, `--since`, `--until`, `--limit`.
struct filter_options {
  std::string workflow;
  std::vector<std::string> statuses;
  std::string parent;
  std::string since;
  std::string until;
  std::size_t limit = 50;

  /// Throws a `failure` for what can't be read.
  [[nodiscard]] run_filter read(bool utc) const;
  /// Whether anything is said but the limit.
  [[nodiscard]] bool says_something() const;
};
/// `most`: the highest limit.
std::shared_ptr<filter_options> add_filter(CLI::App& command, std::size_t most = 1'000);

/// Who does it and why: `--actor`, `--reason`, `--key`.
struct command_options {
  command by;
};
std::shared_ptr<command_options> add_command_options(CLI::App& command);

/// Checks that a value is one of these, which the help, the manual and completions show.
CLI::Validator one_of(std::vector<std::string> values);

/// An option's value as a duration or an instant. Throws a `failure`.
milliseconds read_duration(const std::string& text, const std::string& option);
time_point read_instant(const std::string& text, bool utc, const std::string& option);

}  // namespace squid_mesh::cli
