#include "tools/http/ascii.h"
#include "tools/http/check.h"
#include "tools/http/exchange.h"
#include "tools/http/retry_after.h"

#include <squid_mesh/http.hpp>

#include <algorithm>
#include <array>

namespace squid_mesh::inline v1::http {
namespace {

/// How much of a refusal's body its error keeps.
constexpr std::size_t kept_of_refusal = 1'024;

/// Beyond any use, and far from what a clock can't count any more.
constexpr milliseconds longest_timeout = std::chrono::years(1);

error invalid(std::string message) {
  return {.code = errc::invalid_argument, .message = std::move(message), .kind = "invalid_request"};
}

/// A value that is not UTF-8 has no JSON text.
result<std::string> to_text(const json& value) {
  try {
    return value.dump();
  } catch (const json::exception&) {
    return std::unexpected(invalid("the JSON body has text that is not UTF-8"));
  }
}

result<hop> first_hop(const request& what) {
  if (const auto reason = refusal(what)) return std::unexpected(invalid(*reason));
  auto target = url::parse(what.url);
  if (!target) return std::unexpected(invalid("the URL can't be used: " + target.error()));
  for (const auto& [name, value] : what.query) target->append_query(name, value);
  hop first{.method = what.method, .target = *std::move(target), .headers = what.headers, .body = what.body};
  if (what.json_body) {
    auto text = to_text(*what.json_body);
    if (!text) return std::unexpected(std::move(text).error());
    first.body = *std::move(text);
    if (!has_header(what, "content-type")) first.headers.emplace_back("content-type", "application/json");
  }
  return first;
}

/// The Location to follow; nullptr where the answer is none that redirects.
const std::string* location_of(const response& got) {
  constexpr std::array redirects{301, 302, 303, 307, 308};
  const auto location = got.headers.find("location");
  const bool redirects_to = std::ranges::find(redirects, got.status) != redirects.end();
  return redirects_to && location != got.headers.end() ? &location->second : nullptr;
}

void drop_headers(hop& from, const auto& is_dropped) {
  std::erase_if(from.headers, [&](const auto& header) { return is_dropped(to_lower(header.first)); });
}

/// Turns a hop into the one that its redirect asks for.
result<void> follow(hop& at, int status, const std::string& location) {
  auto target = at.target.resolve(location);
  if (!target) {
    const std::string reason = "redirected to a URL that can't be used: " + target.error();
    return std::unexpected(hop_error(at, errc::invalid_argument, "invalid_request", reason));
  }
  if ((status == 303 && at.method != "HEAD") || (status < 303 && at.method == "POST")) {
    at.method = "GET";
    at.body.clear();
    drop_headers(at, [](const std::string& name) { return name == "content-type"; });
  }
  if (target->origin() != at.target.origin()) {
    // Any header may be a credential; these are not.
    constexpr std::array<std::string_view, 4> harmless{"accept", "accept-language", "content-type", "user-agent"};
    drop_headers(at, [&](const std::string& name) { return std::ranges::find(harmless, name) == harmless.end(); });
  }
  at.target = *std::move(target);
  return {};
}

/// The start of a text, in JSON that has a text whatever the bytes are.
json start_of(std::string_view text) {
  const json start = text.substr(0, kept_of_refusal);
  return json::parse(start.dump(-1, ' ', false, json::error_handler_t::replace));
}

error status_error(const hop& what, const response& got) {
  error failure = hop_error(what, errc::step_failed, "http_status", "status " + std::to_string(got.status));
  failure.retryable = got.status == 408 || got.status == 429 || got.status >= 500;
  failure.details = {{"status", got.status}, {"body", start_of(got.body)}};
  if (const auto header = got.headers.find("retry-after"); header != got.headers.end()) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    failure.retry_after = parse_retry_after(header->second, now);
  }
  return failure;
}

result<response> final_answer(const hop& what, answer got, std::size_t max_bytes) {
  if (got.response.status >= 400) return std::unexpected(status_error(what, got.response));
  if (!got.is_cut) return std::move(got.response);
  const std::string reason = "the body is longer than " + std::to_string(max_bytes) + " bytes";
  return std::unexpected(hop_error(what, errc::step_failed, "too_large", reason));
}

/// libcurl asks for this before anything else. It is never undone: other code of the host may use libcurl too.
void start_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(started);
}

}  // namespace

result<response> send(const request& what) {
  start_curl();
  auto now = first_hop(what);
  if (!now) return std::unexpected(std::move(now).error());
  const limits within{.connect_timeout = what.connect_timeout,
                      .deadline = std::chrono::steady_clock::now() + std::min(what.timeout, longest_timeout),
                      .max_response_bytes = what.max_response_bytes};
  for (int followed = 0;; ++followed) {
    auto got = exchange(*now, within, what.stop);
    if (!got) return std::unexpected(std::move(got).error());
    const std::string* location = location_of(got->response);
    if (location == nullptr || what.max_redirects == 0) {
      return final_answer(*now, *std::move(got), what.max_response_bytes);
    }
    if (followed == what.max_redirects) {
      const std::string reason = "more than " + std::to_string(followed) + " redirects";
      return std::unexpected(hop_error(*now, errc::step_failed, "too_many_redirects", reason));
    }
    if (auto moved = follow(*now, got->response.status, *location); !moved) {
      return std::unexpected(std::move(moved).error());
    }
  }
}

}  // namespace squid_mesh::inline v1::http
