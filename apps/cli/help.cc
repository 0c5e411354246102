#include "help.h"

#include "grammar.h"

#include <sstream>
#include <vector>

namespace squid_mesh::cli {
namespace {

constexpr std::size_t whole_width = 80;
constexpr std::size_t name_width = 28;

/// The text in lines that are not longer.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::string& line = lines.back();
    if (line.empty()) {
      line = word;
    } else if (line.size() + 1 + word.size() <= width) {
      line += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

std::string in_columns(const std::string& name, const std::string& text) {
  std::string out = "  " + name;
  bool is_beside = out.size() + 2 <= name_width;
  for (const std::string& line : wrapped(text, whole_width - name_width)) {
    out += is_beside ? std::string(name_width - (out.size()), ' ') : "\n" + std::string(name_width, ' ');
    out += line;
    is_beside = false;
  }
  return out + "\n";
}

/// Its lines, but for indented ones, are filled anew.
std::string in_paragraphs(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(' ')) {
      out += line + "\n";
      continue;
    }
    for (const std::string& each : wrapped(line, whole_width)) out += each + "\n";
  }
  return out;
}

}  // namespace

std::string help_formatter::make_description(const CLI::App* command) const {
  return in_paragraphs(CLI::Formatter::make_description(command));
}

std::string help_formatter::make_footer(const CLI::App* command) const {
  return in_paragraphs(CLI::Formatter::make_footer(command));
}

std::string help_formatter::make_option(const CLI::Option* option, bool is_positional) const {
  const option_words read = read_option(*option);
  std::string name = CLI::detail::join(read.names, ", ");
  if (!read.value.empty()) name += (is_positional ? "" : " ") + read.value;
  if (is_positional && read.is_list) name += "...";
  return in_columns(name, details_of(read));
}

std::string help_formatter::make_subcommand(const CLI::App* command) const {
  return in_columns(command->get_name(), command->get_description());
}

}  // namespace squid_mesh::cli
