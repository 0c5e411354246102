// Parts of sentences for people.
#pragma once

#include <squid_mesh/json.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::inline v1 {

/// `"ship"`
std::string in_quotes(std::string_view name);

/// `2026-11-22 09:00:00 UTC`
std::string instant_text(time_point at);

/// `"a"`, `"a" and "b"`, `"a", "b" and "c"`
std::string list_text(const std::vector<std::string>& names);

/// `1 step`, `2 steps`
std::string count_text(std::size_t count, std::string_view noun);

/// `3 s`, `5 min`, `2 h`, `4 days`: its largest unit.
std::string duration_text(microseconds length);

/// A word of a command line, in quotes where the shell would read more into it.
std::string shell_word(const std::string& text);

/// What an error's JSON says, without the period at its end; `unknown error` where it says nothing.
std::string message_text(const json& error);

/// A transition's condition, as in the definition's JSON: `risk.score > 70`
std::string condition_text(const json& condition);

}  // namespace squid_mesh::inline v1
