#include "definition/problems.h"

#include <squid_mesh/detail/text.hpp>

#include <cstddef>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// A hostile document could have any number of problems; nobody reads more.
constexpr std::size_t most_problems = 1000;

/// The text in quotes, cut where it is long. What is not UTF-8 is left out: problems are stored and shown as JSON.
std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 80;
  if (!detail::is_utf8(text)) return "(not UTF-8)";
  if (text.size() <= longest) return '"' + std::string(text) + '"';
  std::size_t end = 0;
  while (end + detail::utf8_sequence(text.substr(end)) <= longest) end += detail::utf8_sequence(text.substr(end));
  return '"' + std::string(text.substr(0, end)) + "...\"";
}

}  // namespace

std::string to_string(const detail::place& where) {
  std::string path = where.parent == nullptr ? "" : to_string(*where.parent);
  if (!path.empty() && !where.key.empty()) path += '.';
  path += where.key;
  if (where.index) path += '[' + std::to_string(*where.index) + ']';
  return path;
}

void problem_list::broken(const detail::rule& which, const detail::place& where, std::string_view culprit,
                          const detail::reason& why) {
  if (problems_.size() == most_problems) return;
  add(which.name, where, which.message, culprit);
  if (why.text.empty()) return;
  const std::string part = why.part.empty() ? "" : std::string(why.part) + ": ";
  problems_.back().message += " (" + part + std::string(why.text) + ')';
}

void problem_list::add(std::string_view rule, const detail::place& where, std::string_view message,
                       std::string_view culprit) {
  if (problems_.size() == most_problems) return;
  std::string text(message);
  if (!culprit.empty()) text += ": " + quoted(culprit);
  problems_.push_back({.path = to_string(where), .rule = std::string(rule), .message = std::move(text)});
}

error problem_list::to_error(std::string_view workflow) && {
  const std::string name = workflow.empty() ? "" : ' ' + quoted(workflow);
  return {.code = errc::invalid_definition,
          .message = "the workflow" + name + " breaks " + std::to_string(problems_.size()) +
                     (problems_.size() == 1 ? " rule" : " rules"),
          .problems = std::move(problems_)};
}

}  // namespace squid_mesh::inline v1
