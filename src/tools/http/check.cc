#include "tools/http/check.h"

#include "tools/http/ascii.h"

#include <algorithm>

namespace squid_mesh::inline v1::http {
namespace {

/// RFC 9110: the characters of methods and header names.
bool is_token(std::string_view text) {
  constexpr std::string_view token = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return !text.empty() && text.find_first_not_of(token) == std::string_view::npos;
}

/// A line break in a value would let its author add headers, or a second request.
bool is_header_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

std::optional<std::string> header_refusal(const std::string& name, const std::string& value) {
  if (!is_token(name)) return "a header's name has characters that no name may have";
  if (!is_header_value(value)) return "the header " + name + " has control characters in its value";
  const std::string lower = to_lower(name);
  if (lower == "content-length" || lower == "transfer-encoding") return "the header " + name + " is the client's own";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> refusal(const request& what) {
  if (!is_token(what.method)) return "the method has characters that no method may have";
  if (what.json_body && !what.body.empty()) return "both body and json_body are set";
  if (what.method == "HEAD" && (what.json_body || !what.body.empty())) return "a HEAD request has no body";
  if (what.connect_timeout <= milliseconds(0)) return "connect_timeout is not above zero";
  if (what.timeout <= milliseconds(0)) return "timeout is not above zero";
  if (what.max_redirects < 0) return "max_redirects is below zero";
  for (const auto& [name, value] : what.headers) {
    if (auto reason = header_refusal(name, value)) return reason;
  }
  return std::nullopt;
}

bool has_header(const request& what, std::string_view name) {
  return std::ranges::any_of(what.headers, [&](const auto& header) { return to_lower(header.first) == name; });
}

}  // namespace squid_mesh::inline v1::http
