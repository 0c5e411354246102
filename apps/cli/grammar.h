// The commands and options of a command line as plain values, read from its CLI::App. Completions and the manual are
// made of them, so that they say what the program does.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace squid_mesh::cli {

/// An option, or a word that stands for itself (then it has no names).
struct option_words {
  std::vector<std::string> names;    ///< `--yes`, `-y`: the long ones first
  std::string value;                 ///< what its value is called: `FILE`; empty: it has none
  std::vector<std::string> choices;  ///< the values that it may have; empty: any
  std::string description;
  std::string fallback;  ///< its value where none is said; empty: none
  std::string variable;  ///< of the environment, which may say it; empty: none
  bool is_required = false;
  bool is_list = false;     ///< there may be several
  bool has_commas = false;  ///< several may be one word

  [[nodiscard]] bool takes_file() const { return value == "FILE"; }
};

struct command_words {
  std::string path;  ///< `runs list`; empty: the program itself
  std::string name;
  std::string description;
  std::vector<option_words> options;
  std::vector<option_words> arguments;
  std::vector<command_words> commands;
};

option_words read_option(const CLI::Option& option);

/// What an option does, with its choices and its default.
std::string details_of(const option_words& option);

/// Of the program. What is in the group "" is hidden, and left out.
command_words read_grammar(const CLI::App& app);

/// A command, and then all below it.
void visit(const command_words& command, const std::function<void(const command_words&)>& see);

}  // namespace squid_mesh::cli
