#include <squid_mesh/error.hpp>

#include <array>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

// In the order of the enumerators. Stored in journals: never change one.
constexpr std::array<std::string_view, 15> code_names{
    "invalid_argument", "invalid_definition", "invalid_payload", "missing_input", "not_found",
    "conflict",         "unavailable",        "in_doubt",        "timeout",       "schema_mismatch",
    "storage",          "step_failed",        "cancelled",       "interrupted",   "internal",
};
static_assert(code_names.size() == static_cast<std::size_t>(errc::internal) + 1);

}  // namespace

std::string_view to_string(errc code) { return code_names.at(static_cast<std::size_t>(code)); }

error retryable(std::string message, std::optional<milliseconds> retry_after) {
  return {.code = errc::step_failed, .message = std::move(message), .retryable = true, .retry_after = retry_after};
}

error permanent(std::string message) { return {.code = errc::step_failed, .message = std::move(message)}; }

json to_json(const error& e) {
  json out = {{"code", to_string(e.code)}, {"message", e.message}};
  if (!e.kind.empty()) out["kind"] = e.kind;
  if (e.retryable) out["retryable"] = true;
  if (e.retry_after) out["retry_after_ms"] = e.retry_after->count();
  if (!e.problems.empty()) {
    json& list = out["problems"] = json::array();
    for (const problem& p : e.problems) list.push_back({{"path", p.path}, {"rule", p.rule}, {"message", p.message}});
  }
  if (!e.details.is_null()) out["details"] = e.details;
  return out;
}

std::string to_string(const error& e) {
  std::string out = std::string(to_string(e.code)) + ": " + e.message;
  for (const problem& p : e.problems) out += "\n  " + p.path + ": " + p.message;
  return out;
}

}  // namespace squid_mesh::inline v1
