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

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::http {

/// One request. Only http and https URLs are accepted, at first and after redirects.
struct request {
  std::string method = "GET";
  /// Absolute. A user and a password in it are sent as basic authentication.
  std::string url;
  /// Sent as they are, in this order. Line breaks are refused, and so are `content-length` and `transfer-encoding`,
  /// which the client makes itself.
  std::vector<std::pair<std::string, std::string>> headers{};
  /// Appended to the URL's query, percent-encoded.
  std::vector<std::pair<std::string, std::string>> query{};
  /// Sent without a content type, unless `headers` have one.
  std::string body{};
  /// Sent as the body with `content-type: application/json`, unless `headers` have one; excludes `body`.
  std::optional<json> json_body{};
  /// For the connection alone, and for the whole exchange with its redirects; both above zero.
  milliseconds connect_timeout{5'000};
  milliseconds timeout{30'000};
  /// Redirects followed at most; 0 returns the redirect itself as the response.
  /// What a redirect to another origin gets of `headers` is accept, accept-language, content-type and user-agent.
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

/// Performs one exchange, without retries of its own. Blocks; safe to call from many threads. Raises no signals.
///
/// A status below 400 is a response, anything else an error, ready to be returned from an action:
///
/// | `kind`               | `code`             | retryable            |                                              |
/// | -------------------- | ------------------ | -------------------- | -------------------------------------------- |
/// | `timeout`            | `timeout`          | yes                  |                                              |
/// | `connection`         | `unavailable`      | yes                  | none, lost, or not HTTP                      |
/// | `tls`                | `step_failed`      | no                   | handshake or certificate                     |
/// | `http_status`        | `step_failed`      | for 408, 429 and 5xx | `details`: `status` and the start of `body`  |
/// | `too_large`          | `step_failed`      | no                   | a body beyond `max_response_bytes`           |
/// | `too_many_redirects` | `step_failed`      | no                   |                                              |
/// | `invalid_request`    | `invalid_argument` | no                   | nothing was sent, or a redirect isn't usable |
///
/// and, without a kind, the retryable `errc::interrupted` after a requested stop. `retry_after` is the server's
/// Retry-After (seconds or a date) of an `http_status`. Messages name the method and the host, never the rest of the
/// URL: paths and queries often carry secrets.
result<response> send(const request& what);

}  // namespace squid_mesh::inline v1::http
#pragma GCC visibility pop
