// The help and the manual page.
#include "cli/run_command.h"
#include "support/child_process.h"
#include "support/temporary_directory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::testing {
namespace {

/// All commands of a group, by its help; "" is the program.
std::vector<std::string> commands_of(const std::vector<std::string>& group) {
  std::vector<std::string> words = group;
  words.emplace_back("--help");
  std::istringstream help(run_command(words).out);
  std::vector<std::string> commands;
  bool is_list = false;
  for (std::string line; std::getline(help, line);) {
    if (line.empty()) is_list = false;
    if (is_list && line.size() > 2 && line[2] != ' ') commands.push_back(line.substr(2, line.find(' ', 2) - 2));
    if (line == "Subcommands:") is_list = true;
  }
  return commands;
}

class manual : public ::testing::Test {
 protected:
  manual() : page_(run_command({"man"}).out) { std::ofstream(directory_ / "page.1") << page_; }

  /// What a program makes of the page: its exit code, and all that it prints.
  std::pair<int, std::string> run(std::vector<std::string> command) const {
    command.insert(command.begin(), "/usr/bin/env");
    command.push_back(directory_ / "page.1");
    child_process program(command, directory_ / "output");
    const int code = program.wait();
    return {code, read_text(directory_ / "output")};
  }

  temporary_directory directory_;
  const std::string page_;
};

TEST_F(manual, is_good_roff) {
  const auto [code, warnings] = run({"groff", "-man", "-Tutf8", "-ww", "-z"});
  EXPECT_EQ(code, 0);
  EXPECT_EQ(warnings, "");
}

TEST_F(manual, has_every_command_with_its_options) {
  const auto [code, text] = run({"groff", "-man", "-Tascii", "-P-c", "-P-b", "-P-u", "-rLL=400n"});
  ASSERT_EQ(code, 0) << text;
  std::size_t count = 0;
  for (const std::string& group : commands_of({})) {
    for (const std::string& command : commands_of({group})) {
      const std::string name = group + " " + command;
      EXPECT_NE(text.find("squid-mesh " + name), std::string::npos) << name;
      ++count;
    }
  }
  EXPECT_GT(count, 20U);
  for (const char* const each : {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "ENVIRONMENT", "EXIT STATUS",
                                 "EXAMPLES", "SQUID_MESH_DATABASE", "--allow-irreversible", "runs compensation skip"}) {
    EXPECT_NE(text.find(each), std::string::npos) << each;
  }
  EXPECT_NE(text.find("(pending, running, retrying,"), std::string::npos) << "the values that an option can have";
}

TEST_F(manual, takes_no_text_for_a_request) {
  EXPECT_NE(page_.find("\\-\\-database"), std::string::npos);
  EXPECT_EQ(page_.find("--"), std::string::npos) << "some devices show them as hyphens, which nobody can type";
  const command_line host{.program = "host", .description = ".profile's \\ `own`"};
  const std::string page = run_command({"man"}, {}, {}, host).out;
  EXPECT_NE(page.find("\n\\&.profile\\(aqs \\e \\(gaown\\(ga"), std::string::npos) << page.substr(0, 500);
}

TEST(help, fits_a_terminal_of_80_columns) {
  std::vector<std::vector<std::string>> all{{}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const std::string& below : commands_of(all[i])) {
      all.push_back(all[i]);
      all.back().push_back(below);
    }
    std::vector<std::string> words = all[i];
    words.emplace_back("--help");
    const said help = run_command(words);
    EXPECT_EQ(help.code, 0);
    std::istringstream lines(help.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(cli::width_of(line), 80U) << line;
  }
  EXPECT_GT(all.size(), 40U);
}

TEST(help, shows_examples_and_exit_codes) {
  const said help = run_command({"--help"});
  EXPECT_TRUE(help.says("squid-mesh runs explain RUN")) << help.out;
  EXPECT_TRUE(help.says("Exit codes:")) << help.out;
}

}  // namespace
}  // namespace squid_mesh::testing
