// Runs compilers over broken declarations: each must be refused with the name of the rule that it breaks.
#include <squid_mesh/detail/rule.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace squid_mesh;

struct compiler {
  std::string name;
  std::string path;
  std::string no_error_limit;
};

struct compilation {
  bool succeeded = false;
  std::vector<std::string> lines;
};

const std::string broken_file = SQUID_MESH_COMPILE_FAIL_DIR "/broken_declarations.cc";
const std::string valid_file = SQUID_MESH_COMPILE_FAIL_DIR "/valid_declarations.cc";

compilation compile(const compiler& with, const std::string& file) {
  const std::string command = "LC_ALL=C '" + with.path + "' -std=c++23 -fsyntax-only " + with.no_error_limit + " -I'" +
                              SQUID_MESH_INCLUDE_DIR + "' '" + file + "' 2>&1";
  compilation out;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  std::string line;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    if (c == '\n') {
      out.lines.push_back(std::move(line));
      line.clear();
    } else {
      line.push_back(static_cast<char>(c));
    }
  }
  out.succeeded = pclose(pipe) == 0;
  return out;
}

/// The rules that the cases of the broken file name, by the line on which each case begins.
std::map<int, std::string> cases() {
  constexpr std::string_view mark = "// rule: ";
  std::map<int, std::string> found;
  std::ifstream file(broken_file);
  int number = 1;
  for (std::string line; std::getline(file, line); ++number) {
    if (line.starts_with(mark)) found[number] = line.substr(mark.size());
  }
  return found;
}

/// What the compiler wrote about each case: from a line that names a place in the case up to one that names another.
std::map<int, std::string> diagnostics(const compilation& outcome, const std::map<int, std::string>& of) {
  std::map<int, std::string> by_case;
  int current = 0;
  for (const std::string& line : outcome.lines) {
    if (line.starts_with(broken_file + ':')) {
      const auto next = of.upper_bound(std::atoi(line.c_str() + broken_file.size() + 1));
      current = next == of.begin() ? 0 : std::prev(next)->first;
    }
    by_case[current] += line + '\n';
  }
  return by_case;
}

class compile_fail : public testing::TestWithParam<compiler> {
 protected:
  void SetUp() override {
    if (GetParam().path.empty()) GTEST_SKIP() << GetParam().name << " is not installed";
  }
};

TEST_P(compile_fail, names_the_broken_rule) {
  const auto rules = cases();
  const compilation outcome = compile(GetParam(), broken_file);
  EXPECT_FALSE(outcome.succeeded);
  auto told = diagnostics(outcome, rules);
  for (const auto& [line, rule] : rules) {
    const std::string& text = told[line];
    // As GCC and as Clang name a function that is not constexpr.
    const bool named =
        text.find("::" + rule + "(") != std::string::npos || text.find("function '" + rule + "'") != std::string::npos;
    EXPECT_TRUE(named) << broken_file << ':' << line << ": " << rule << " is not in the diagnostic:\n" << text;
  }
}

TEST_P(compile_fail, accepts_valid_declarations) {
  const compilation outcome = compile(GetParam(), valid_file);
  EXPECT_TRUE(outcome.succeeded);
  for (const std::string& line : outcome.lines) ADD_FAILURE() << line.substr(0, 300);
}

INSTANTIATE_TEST_SUITE_P(compilers, compile_fail,
                         testing::Values(compiler{"gcc", SQUID_MESH_GCC, "-fmax-errors=0"},
                                         compiler{"clang", SQUID_MESH_CLANG, "-ferror-limit=0"}),
                         [](const auto& of) { return of.param.name; });

TEST(compile_fail_cases, cover_every_rule) {
  std::set<std::string> covered;
  for (const auto& [line, rule] : cases()) covered.insert(rule);
  for (const detail::rule& rule : detail::all_rules) {
    EXPECT_TRUE(covered.contains(std::string(rule.name))) << rule.name << " has no case in " << broken_file;
  }
}

}  // namespace
