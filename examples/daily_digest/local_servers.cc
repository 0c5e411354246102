#include "local_servers.h"

#include <httplib.h>
#include <sys/socket.h>

#include <charconv>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>

namespace daily_digest {
namespace {

using squid_mesh::json;

constexpr const char* host = "127.0.0.1";
constexpr std::string_view origin = "http://127.0.0.1:";
constexpr std::string_view feed_path = "/feed.xml";
constexpr const char* webhook_path = "/api/webhooks/1100000000000000001/local-demo-token";

}  // namespace

struct local_servers::impl {
  // Constant after construction.
  local_servers_options options;
  int port = 0;

  httplib::Server server;
  std::thread thread;

  std::mutex mutex;
  int requests = 0;            // guarded by mutex
  std::vector<json> messages;  // guarded by mutex

  impl() = default;
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  ~impl() {
    server.stop();
    if (thread.joinable()) thread.join();
  }

  void add_routes() {
    server.Get(std::string(feed_path), [this](const httplib::Request&, httplib::Response& answer) {
      answer.set_content(options.feed, "application/rss+xml; charset=utf-8");
    });
    server.Post(webhook_path, [this](const httplib::Request& asked, httplib::Response& answer) {
      write(receive(asked.get_header_value("Content-Type"), asked.body), answer);
    });
    server.Post("/api/webhooks/.*", [](const httplib::Request&, httplib::Response& answer) {
      write({.status = 404, .body = {{"message", "Unknown Webhook"}, {"code", 10015}}}, answer);
    });
  }

  webhook_answer receive(const std::string& content_type, const std::string& body) {
    const std::scoped_lock lock(mutex);
    ++requests;
    if (options.has_bad_start && requests == 1) {
      return {.status = 429,
              .body = {{"message", "You are being rate limited."}, {"retry_after", 1.0}, {"global", false}},
              .retry_after_seconds = 1};
    }
    if (options.has_bad_start && requests == 2) {
      return {.status = 500, .body = {{"message", "500: Internal Server Error"}, {"code", 0}}};
    }
    webhook_answer answer = judge_message(content_type, body);
    if (answer.status == 204) messages.push_back(json::parse(body));
    return answer;
  }

  static void write(const webhook_answer& from, httplib::Response& to) {
    to.status = from.status;
    if (from.retry_after_seconds) to.set_header("Retry-After", std::to_string(*from.retry_after_seconds));
    if (!from.body.is_null()) to.set_content(from.body.dump(), "application/json");
  }
};

squid_mesh::result<local_servers> local_servers::start(local_servers_options options) {
  auto state = std::make_unique<impl>();
  const int wanted = options.port;
  state->options = std::move(options);
  state->add_routes();
  state->server.set_keep_alive_max_count(1);
  // The port of a process that just died may be taken, that of a living one may not.
  state->server.set_socket_options([](int socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  if (wanted == 0) {
    state->port = state->server.bind_to_any_port(host);
  } else if (state->server.bind_to_port(host, wanted)) {
    state->port = wanted;
  }
  if (state->port <= 0) {
    const std::string which = wanted == 0 ? "a free port" : "port " + std::to_string(wanted);
    return std::unexpected(squid_mesh::retryable("the local servers can't listen on " + which));
  }
  state->thread = std::thread([&server = state->server] { server.listen_after_bind(); });
  // A stop is heard only by a server that is listening.
  while (!state->server.is_running()) std::this_thread::yield();
  return local_servers(std::move(state));
}

local_servers::local_servers(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
local_servers::local_servers(local_servers&&) noexcept = default;
local_servers& local_servers::operator=(local_servers&&) noexcept = default;
local_servers::~local_servers() = default;

std::optional<int> local_servers::port_of(std::string_view feed_url) {
  if (!feed_url.starts_with(origin)) return std::nullopt;
  feed_url.remove_prefix(origin.size());
  std::uint16_t port = 0;
  const auto read = std::from_chars(feed_url.data(), feed_url.data() + feed_url.size(), port);
  const std::string_view rest(read.ptr, feed_url.data() + feed_url.size());
  if (read.ec != std::errc() || port == 0 || rest != feed_path) return std::nullopt;
  return port;
}

int local_servers::port() const { return impl_->port; }

std::string local_servers::feed_url() const {
  return std::string(origin) + std::to_string(port()) + std::string(feed_path);
}

std::string local_servers::webhook_url() const { return std::string(origin) + std::to_string(port()) + webhook_path; }

std::vector<json> local_servers::messages() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->messages;
}

}  // namespace daily_digest
