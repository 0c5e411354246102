// One request and its answer over libcurl, without redirects.
#pragma once

#include "tools/http/url.h"

#include <squid_mesh/http.hpp>

#include <chrono>
#include <string>

namespace squid_mesh::inline v1::http {

/// One hop of a request: what goes over the wire once. The query is part of the URL, JSON is text.
struct hop {
  std::string method;
  url target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct limits {
  milliseconds connect_timeout;
  std::chrono::steady_clock::time_point deadline;
  std::size_t max_response_bytes;
};

struct answer {
  http::response response;
  bool is_cut = false;  ///< The body is longer than allowed; what is here is its start.
};

/// An error of the hop, whose message begins with the method and the host.
error hop_error(const hop& what, errc code, std::string kind, const std::string& reason);

/// Performs one hop: any status is an answer, anything that prevents one is an error.
result<answer> exchange(const hop& what, const limits& within, const std::stop_token& stop);

}  // namespace squid_mesh::inline v1::http
