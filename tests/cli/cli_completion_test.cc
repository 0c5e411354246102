// Completions, driven in the shells themselves.
#include "cli/run_command.h"
#include "support/child_process.h"
#include "support/temporary_directory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

using words = std::set<std::string>;

class completion : public ::testing::TestWithParam<std::string> {
 protected:
  /// What the shell offers for each of the lines.
  std::vector<words> complete(const std::vector<std::string>& lines, const std::string& program = "squid-mesh") const {
    const auto script = directory_ / "script";
    std::ofstream(script) << run_command({"completion", GetParam()}, {}, {}, {.program = program}).out;
    std::vector<std::string> command{"/usr/bin/env", "HOME=" + directory_.path().string(),
                                     GetParam(),     SQUID_MESH_COMPLETE + GetParam(),
                                     script,         program};
    command.insert(command.end(), lines.begin(), lines.end());
    const auto output = directory_ / "output";
    child_process shell(command, output);
    const int ended = shell.wait();
    std::istringstream told(read_text(output));
    std::vector<words> all;
    for (std::string line; std::getline(told, line);) all.push_back(words_of(line));
    if (ended != 0 || all.size() != lines.size()) throw std::runtime_error(told.str());
    return all;
  }
  words complete(const std::string& line) const { return complete(std::vector{line}).front(); }

 private:
  /// Some shells repeat what was typed before: `--status=`, `paused,`.
  static words words_of(const std::string& line) {
    words all;
    std::istringstream rest(line);
    for (std::string word; rest >> word;) all.insert(word.substr(word.find_last_of("=,") + 1));
    return all;
  }

  temporary_directory directory_;
};

TEST_P(completion, offers_the_commands_that_can_follow) {
  const auto all = complete({"squid-mesh ", "squid-mesh runs sh", "squid-mesh jobs ", "squid-mesh runs compensation ",
                             "squid-mesh --json schedules ", "squid-mesh runs list "});
  EXPECT_TRUE(all[0].contains("runs"));
  EXPECT_TRUE(all[0].contains("completion"));
  EXPECT_FALSE(all[0].contains("list"));
  EXPECT_EQ(all[1], words{"show"});
  EXPECT_EQ(all[2], (words{"list", "enqueue", "show", "cancel", "retry"}));
  EXPECT_EQ(all[3], (words{"retry", "skip", "done"}));
  EXPECT_EQ(all[4], (words{"list", "pause", "resume", "trigger"}));
  EXPECT_FALSE(all[5].contains("list"));
}

TEST_P(completion, knows_a_value_from_a_command) {
  const auto all = complete({"squid-mesh --database runs nodes ", "squid-mesh --database sqlite:runs.db queues pa",
                             "squid-mesh --database=runs queues pa"});
  EXPECT_EQ(all[0], words{"list"});
  EXPECT_EQ(all[1], words{"pause"});
  EXPECT_EQ(all[2], words{"pause"});
}

TEST_P(completion, offers_values_of_options_and_arguments) {
  const auto all = complete({"squid-mesh runs graph --format ", "squid-mesh runs list --status pa",
                             "squid-mesh runs list --status=pa", "squid-mesh runs list --status paused,fa",
                             "squid-mesh completion ", "squid-mesh jobs list --state ex"});
  EXPECT_EQ(all[0], (words{"tree", "mermaid", "dot"}));
  EXPECT_EQ(all[1], words{"paused"});
  EXPECT_EQ(all[2], words{"paused"});
  EXPECT_EQ(all[3], words{"failed"});
  EXPECT_EQ(all[4], (words{"bash", "zsh", "fish"}));
  EXPECT_EQ(all[5], words{"executing"});
}

TEST_P(completion, offers_options_of_the_command_and_of_the_program) {
  const auto all = complete({"squid-mesh runs cancel --ye", "squid-mesh nodes list --js", "squid-mesh runs show --hi",
                             "squid-mesh runs list --hi"});
  EXPECT_EQ(all[0], words{"--yes"});
  EXPECT_EQ(all[1], words{"--json"});
  EXPECT_EQ(all[2], words{"--history"});
  EXPECT_EQ(all[3], words{});
}

TEST_P(completion, offers_files) {
  const temporary_directory files;
  std::ofstream(files / "order.json") << "{}";
  const std::string start = (files / "ord").string();
  const auto all = complete({"squid-mesh definitions check " + start, "squid-mesh runs export --output " + start,
                             "squid-mesh runs show " + start});
  // Some shells say the file's name alone.
  const auto is_file = [](const words& offered) {
    return offered.size() == 1 && offered.begin()->ends_with("order.json");
  };
  EXPECT_TRUE(is_file(all[0]));
  EXPECT_TRUE(is_file(all[1]));
  EXPECT_FALSE(is_file(all[2])) << "that wants a run";
}

TEST_P(completion, is_for_a_hosts_program_too) {
  EXPECT_EQ(complete({"my-shop.2 runs expl"}, "my-shop.2").front(), words{"explain"});
}

INSTANTIATE_TEST_SUITE_P(in, completion, ::testing::Values("bash", "zsh", "fish"),
                         [](const auto& shell) { return shell.param; });

}  // namespace
}  // namespace squid_mesh::testing
