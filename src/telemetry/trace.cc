#include "telemetry/trace.h"

#include "base/hash.h"

#include <algorithm>

namespace squid_mesh::inline v1 {
namespace {

constexpr std::size_t trace_digits = 32;
constexpr std::size_t span_digits = 16;

bool is_hexadecimal(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view digits) {
  return std::ranges::all_of(digits, [](char c) { return c == '0'; });
}

}  // namespace

/// `VERSION-TRACE-SPAN-FLAGS`: later versions may append parts.
std::optional<trace_parts> parse_traceparent(std::string_view text) {
  constexpr std::size_t length = 2 + 1 + trace_digits + 1 + span_digits + 1 + 2;
  if (text.size() < length) return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  const std::string_view trace = text.substr(3, trace_digits);
  const std::string_view span = text.substr(4 + trace_digits, span_digits);
  const std::string_view flags = text.substr(length - 2, 2);
  const bool is_parted = text[2] == '-' && text[3 + trace_digits] == '-' && text[length - 3] == '-';
  const bool is_closed = text.size() == length || (version != "00" && text[length] == '-');
  const bool is_well_made = is_parted && is_closed && is_hexadecimal(version) && version != "ff" &&
                            is_hexadecimal(trace) && is_hexadecimal(span) && is_hexadecimal(flags);
  if (!is_well_made || is_zero(trace) || is_zero(span)) return std::nullopt;
  const int last = flags[1] <= '9' ? flags[1] - '0' : flags[1] - 'a' + 10;
  return trace_parts{.trace_id = std::string(trace), .span_id = std::string(span), .is_sampled = (last & 1) != 0};
}

trace_parts trace_of(const run_id& run, std::string_view traceparent) {
  if (auto given = parse_traceparent(traceparent)) return *std::move(given);
  std::string own = to_string(run);
  std::erase(own, '-');
  return {.trace_id = std::move(own), .span_id = {}};
}

std::string span_of(const run_id& run) { return sha256_hex("run " + to_string(run)).substr(0, span_digits); }

std::string span_of(const run_id& run, std::string_view step, int visit, int attempt,
                    std::optional<std::size_t> element) {
  std::string name = "attempt " + to_string(run) + " " + std::string(step) + " " + std::to_string(visit) + " " +
                     std::to_string(attempt);
  if (element) name += " #" + std::to_string(*element);
  return sha256_hex(name).substr(0, span_digits);
}

std::string traceparent_of(const telemetry_event& event) {
  const trace_parts trace = trace_of(event.run, event.traceparent);
  const std::string span = event.step.empty()
                               ? span_of(event.run)
                               : span_of(event.run, event.step, event.visit, event.attempt, event.element);
  return "00-" + trace.trace_id + "-" + span + (trace.is_sampled ? "-01" : "-00");
}

}  // namespace squid_mesh::inline v1
