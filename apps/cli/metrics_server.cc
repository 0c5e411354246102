#include "metrics_server.h"

#include "context.h"

#include <squid_mesh/prometheus.hpp>

#include <httplib.h>

#include <atomic>
#include <charconv>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

namespace squid_mesh::cli {
namespace {

struct place {
  std::string host;
  int port = 0;
};

place read_address(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::uint16_t port = 0;
  const char* const end = address.data() + address.size();
  const char* const digits = colon == std::string::npos ? end : address.data() + colon + 1;
  const auto [read, failed] = std::from_chars(digits, end, port);
  if (digits == end || read != end || failed != std::errc()) {
    refuse("\"" + address + "\" is not HOST:PORT", "such as 127.0.0.1:9464, or :9464 for all interfaces");
  }
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {.host = host.empty() ? "0.0.0.0" : host, .port = port};
}

/// A port that a process has just left can be had at once. Unlike the server's own default, this doesn't share one that
/// another process listens on, which would get every other request.
void take_over_when_free(socket_t socket) {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

/// The port that it has; none where it can't have it.
std::optional<int> bind(httplib::Server& server, const place& where) {
  if (where.port != 0) return server.bind_to_port(where.host, where.port) ? std::optional(where.port) : std::nullopt;
  const int any = server.bind_to_any_port(where.host);
  return any < 0 ? std::nullopt : std::optional(any);
}

}  // namespace

struct metrics_server::impl {
  impl() = default;
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  ~impl() {
    routes.stop();
    if (thread.joinable()) thread.join();
  }

  /// Returns whether it listens, which it goes on doing.
  bool listen() {
    thread = std::thread([this] {
      routes.listen_after_bind();
      has_ended = true;
    });
    // Before it runs, it can't be stopped.
    while (!routes.is_running() && !has_ended) std::this_thread::yield();
    return !has_ended;
  }

  httplib::Server routes;
  std::string host;
  int port = 0;
  std::atomic<bool> has_ended = false;
  std::thread thread;
};

metrics_server::metrics_server(const std::string& address, source metrics) : impl_(std::make_unique<impl>()) {
  const place where = read_address(address);
  impl_->host = where.host;
  impl_->routes.Get("/metrics", [metrics = std::move(metrics)](const httplib::Request&, httplib::Response& response) {
    const auto text = metrics();
    if (!text) response.status = 503;
    response.set_content(text ? *text : to_string(text.error()) + "\n",
                         text ? std::string(prometheus_content_type) : "text/plain; charset=utf-8");
  });
  impl_->routes.set_socket_options(take_over_when_free);
  const auto port = bind(impl_->routes, where);
  if (!port || !impl_->listen()) {
    throw failure{.reason = {.code = errc::unavailable, .message = "can't listen on " + address},
                  .hint = "is something else listening there?"};
  }
  impl_->port = *port;
}

metrics_server::~metrics_server() = default;

std::string metrics_server::url() const {
  const bool is_v6 = impl_->host.find(':') != std::string::npos;
  return "http://" + (is_v6 ? "[" + impl_->host + "]" : impl_->host) + ":" + std::to_string(impl_->port) + "/metrics";
}

}  // namespace squid_mesh::cli
