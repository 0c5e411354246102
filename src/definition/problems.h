// The problems of a definition that comes as data, collected rather than stopped at.
#pragma once

#include <squid_mesh/detail/rule.hpp>
#include <squid_mesh/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::inline v1 {

/// The path that a place stands for: `transitions[2].to`.
std::string to_string(const detail::place& where);

/// The run-time report of the rules, and of the reader.
class problem_list {
 public:
  void broken(const detail::rule& which, const detail::place& where, std::string_view culprit,
              const detail::reason& why = {});

  /// A problem of a rule that only data can break. The culprit, where there is one, is quoted in the message.
  void add(std::string_view rule, const detail::place& where, std::string_view message, std::string_view culprit = {});

  [[nodiscard]] bool empty() const { return problems_.empty(); }

  /// All of them as one error.
  [[nodiscard]] error to_error(std::string_view workflow) &&;

 private:
  std::vector<problem> problems_;
};

}  // namespace squid_mesh::inline v1
