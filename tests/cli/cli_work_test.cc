// A host's program that works on its workflows, told so from the command line.
#include "support/child_process.h"
#include "support/temporary_directory.h"

#include <squid_mesh/json.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;

class host_program : public ::testing::Test {
 protected:
  std::vector<std::string> command(std::vector<std::string> words) const {
    words.insert(words.begin(), {SQUID_MESH_CLI_HOST, "--database", "sqlite:" + (directory_ / "greeter.db").string()});
    return words;
  }
  /// Runs it to its end. Its exit code, and what it has printed.
  std::pair<int, std::string> run(std::vector<std::string> words) const {
    const auto file = directory_ / "output.txt";
    child_process program(command(std::move(words)), file);
    const int code = program.wait();
    return {code, read_text(file)};
  }

  temporary_directory directory_;
};

TEST_F(host_program, works_until_it_is_told_to_stop) {
  child_process worker(command({"work", "--queue", "squid_mesh=2"}), directory_ / "worker.txt");
  const auto [code, out] = run({"--json", "runs", "start", "test.greeting", "--payload", R"({"name": "ann"})"});
  ASSERT_EQ(code, 0) << out;
  const std::string id = json::parse(out).at("run");
  const auto [watched, events] = run({"runs", "watch", id, "--timeout", "20s"});
  EXPECT_EQ(watched, 0) << events;
  const auto [explained, why] = run({"runs", "explain", id});
  EXPECT_EQ(why.find("squid-mesh runs"), std::string::npos) << "it is called otherwise: " << why;
  const auto [shown, text] = run({"runs", "show", id});
  EXPECT_NE(text.find("hello ann"), std::string::npos) << text;
  ::kill(worker.pid(), SIGTERM);
  EXPECT_EQ(worker.wait(), 0);
  EXPECT_NE(read_text(directory_ / "worker.txt").find("Stopping"), std::string::npos);
}

TEST_F(host_program, says_what_is_wrong_with_a_queue) {
  const auto [code, out] = run({"work", "--queue", "squid_mesh=many"});
  EXPECT_EQ(code, 2) << out;
  EXPECT_NE(out.find("NAME=LIMIT"), std::string::npos) << out;
}

}  // namespace
}  // namespace squid_mesh::testing
