// How `--help` looks.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace squid_mesh::cli {

/// In two columns that fit a terminal of 80.
class help_formatter : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_description(const CLI::App* command) const override;
  std::string make_footer(const CLI::App* command) const override;
};

}  // namespace squid_mesh::cli
