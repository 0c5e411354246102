#include "metrics_server.h"

#include "context.h"

#include <squid_mesh/prometheus.hpp>

#include <httplib.h>

#include <charconv>
#include <cstdint>
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

}  // namespace

struct metrics_server::impl {
  httplib::Server routes;
  std::string host;
  int port = 0;
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
  impl_->port = where.port == 0                                      ? impl_->routes.bind_to_any_port(where.host)
                : impl_->routes.bind_to_port(where.host, where.port) ? where.port
                                                                     : -1;
  if (impl_->port < 0) {
    throw failure{.reason = {.code = errc::unavailable, .message = "can't listen on " + address},
                  .hint = "is something else listening there?"};
  }
  impl_->thread = std::thread([server = &impl_->routes] { server->listen_after_bind(); });
  while (!impl_->routes.is_running()) std::this_thread::yield();
}

metrics_server::~metrics_server() {
  impl_->routes.stop();
  impl_->thread.join();
}

std::string metrics_server::url() const {
  const bool is_v6 = impl_->host.find(':') != std::string::npos;
  return "http://" + (is_v6 ? "[" + impl_->host + "]" : impl_->host) + ":" + std::to_string(impl_->port) + "/metrics";
}

}  // namespace squid_mesh::cli
