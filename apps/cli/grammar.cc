#include "grammar.h"

#include <fmt/format.h>

namespace squid_mesh::cli {
namespace {

/// What a value is called, and which there are: CLI11 says `TEXT:{json,dot}`, `UINT:INT in [1 - 1000]`.
void read_type(const std::string& type, option_words& into) {
  into.value = type.substr(0, type.find(':'));
  if (into.value == "INT" || into.value == "UINT") into.value = "NUMBER";
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}', open);
  if (open == std::string::npos || close == std::string::npos) return;
  into.choices = CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

command_words read_command(const CLI::App& app, const std::string& path) {
  command_words read{.path = path, .name = app.get_name(), .description = app.get_description()};
  for (const CLI::Option* const option : app.get_options()) {
    if (option->get_group().empty()) continue;
    (option->get_positional() ? read.arguments : read.options).push_back(read_option(*option));
  }
  for (const CLI::App* const below :
       app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
    const std::string& name = below->get_name();
    read.commands.push_back(read_command(*below, path.empty() ? name : fmt::format("{} {}", path, name)));
  }
  return read;
}

}  // namespace

option_words read_option(const CLI::Option& option) {
  option_words read{.description = option.get_description(),
                    .fallback = option.get_default_str(),
                    .variable = option.get_envname(),
                    .is_required = option.get_required(),
                    .is_list = option.get_expected_max() >= CLI::detail::expected_max_vector_size,
                    .has_commas = option.get_delimiter() == ','};
  for (const std::string& name : option.get_lnames()) read.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) read.names.push_back("-" + name);
  if (option.get_expected_max() > 0) read_type(option.get_type_name(), read);
  if (option.get_positional()) read.value = option.get_name(true);
  return read;
}

std::string details_of(const option_words& option) {
  std::string more;
  const bool says_choices =
      !option.choices.empty() && option.description.find(option.choices.front()) != std::string::npos;
  if (!option.choices.empty() && !says_choices) more = CLI::detail::join(option.choices, ", ");
  if (!option.fallback.empty()) more += (more.empty() ? "default: " : "; default: ") + option.fallback;
  if (!option.variable.empty()) more += (more.empty() ? "or " : "; or ") + option.variable;
  return more.empty() ? option.description : option.description + " (" + more + ")";
}

command_words read_grammar(const CLI::App& app) { return read_command(app, ""); }

void visit(const command_words& command, const std::function<void(const command_words&)>& see) {
  see(command);
  for (const command_words& below : command.commands) visit(below, see);
}

}  // namespace squid_mesh::cli
