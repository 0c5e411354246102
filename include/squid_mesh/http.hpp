// squid_mesh/http.hpp - an HTTP client for actions, on libcurl.
#pragma once

#include <squid_mesh/error.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::http {

/// One request. Only http and https URLs are accepted.
struct request {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers{};
  /// Appended to the URL's query, percent-encoded.
  std::vector<std::pair<std::string, std::string>> query{};
  std::string body{};
  /// Sent as the body with `content-type: application/json`; excludes `body`.
  std::optional<json> json_body{};
  /// For the connection alone, and for the whole exchange; both above zero.
  milliseconds connect_timeout{5'000};
  milliseconds timeout{30'000};
  /// Redirects followed at most; 0 returns the redirect itself as the response.
  int max_redirects = 5;
  /// A longer body is an error; nothing beyond it is kept.
  std::size_t max_response_bytes = 8U << 20U;
  /// A requested stop ends the exchange with `errc::interrupted`.
  std::stop_token stop{};
};

struct response {
  int status = 0;
  /// Names in lower case; several headers of one name are joined by ", ".
  std::map<std::string, std::string> headers;
  std::string body;
};

/// Performs one exchange, without retries of its own. Blocks; safe to call from many threads.
///
/// A status below 400 is a response, anything else an error, ready to be returned from an action:
/// its `kind` is `timeout`, `connection`, `tls`, `http_status`, `too_large`, `too_many_redirects` or `invalid_request`;
/// it is retryable for timeouts, failed connections and the statuses 408, 429 and 5xx; `retry_after` is the
/// server's Retry-After (seconds or a date). For `http_status` its `details` have the `status` and the start of the body.
/// Messages name the method and the host, never the rest of the URL: paths and queries often carry secrets.
result<response> send(const request& what);

}  // namespace squid_mesh::http
