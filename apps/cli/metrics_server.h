// Metrics for a scraper.
#pragma once

#include <squid_mesh/error.hpp>

#include <functional>
#include <memory>
#include <string>

namespace squid_mesh::cli {

/// Serves `GET /metrics` on threads of its own for as long as it lives.
class metrics_server {
 public:
  /// What it answers with; an error becomes a 503. Called from several threads.
  using source = std::function<result<std::string>()>;

  /// `address`: `HOST:PORT`, `[IPv6]:PORT`, or `:PORT` for all interfaces; port 0 takes any. Throws a `failure`.
  metrics_server(const std::string& address, source metrics);
  metrics_server(const metrics_server&) = delete;
  metrics_server& operator=(const metrics_server&) = delete;
  ~metrics_server();

  /// Where it is.
  [[nodiscard]] std::string url() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace squid_mesh::cli
