// Running commands in the test's own process.
#pragma once

#include "cli/run.h"

#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace squid_mesh::testing {

/// What a command has come to.
struct said {
  int code = 0;
  std::string out;
  std::string err;

  [[nodiscard]] json document() const { return json::parse(out); }
  [[nodiscard]] bool says(std::string_view text) const { return out.find(text) != std::string::npos; }
  [[nodiscard]] bool warns(std::string_view text) const { return err.find(text) != std::string::npos; }
};

/// Runs a command as `squid-mesh` would, or a host's program.
inline said run_command(std::vector<std::string> words, const std::string& input = {}, cli::terminal on = {},
                        const command_line& host = {}) {
  words.insert(words.begin(), host.program);
  std::vector<const char*> argv;
  argv.reserve(words.size());
  for (const std::string& word : words) argv.push_back(word.c_str());
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const int code =
      cli::run(host, static_cast<int>(argv.size()), argv.data(), {.in = in, .out = out, .err = err, .on = on});
  return {.code = code, .out = out.str(), .err = err.str()};
}

}  // namespace squid_mesh::testing
