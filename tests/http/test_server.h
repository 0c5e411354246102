// Servers on the loopback interface for tests of the HTTP client.
#pragma once

#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <list>
#include <string>
#include <system_error>
#include <thread>

namespace squid_mesh::inline v1::http {

/// A real HTTP server. Add routes, then call `start`.
class test_server {
 public:
  test_server() : port_(routes.bind_to_any_port("127.0.0.1")) { routes.set_keep_alive_max_count(1); }
  test_server(const test_server&) = delete;
  test_server& operator=(const test_server&) = delete;
  ~test_server() {
    routes.stop();
    if (thread_.joinable()) thread_.join();
  }

  void start() {
    thread_ = std::thread([this] { routes.listen_after_bind(); });
    while (!routes.is_running()) std::this_thread::yield();
  }

  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string url(const std::string& path) const { return "http://" + host() + path; }

  httplib::Server routes;

 private:
  int port_;
  std::thread thread_;
};

/// A bound TCP port that says nothing by itself.
class raw_port {
 public:
  enum class mode { refusing, listening };

  explicit raw_port(mode how) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface is made so.
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, generic, size) != 0 || ::getsockname(socket_, generic, &size) != 0 ||
        (how == mode::listening && ::listen(socket_, 8) != 0)) {
      throw std::system_error(errno, std::generic_category());
    }
    port_ = ntohs(address.sin_port);
  }
  raw_port(const raw_port&) = delete;
  raw_port& operator=(const raw_port&) = delete;
  ~raw_port() { ::close(socket_); }

  /// Waits for a client and for its request, up to the body; the connection stays open.
  std::string await_request() {
    const int client = clients_.emplace_back(::accept(socket_, nullptr, nullptr)).fd;
    std::string request;
    std::array<char, 1'024> part{};
    ssize_t got = 0;
    while (!request.ends_with("\r\n\r\n") && (got = ::recv(client, part.data(), part.size(), 0)) > 0) {
      request.append(part.data(), static_cast<std::size_t>(got));
      if (request.front() == tls_handshake) break;
    }
    return request;
  }

  /// Serves one client: reads its request, sends these bytes and hangs up.
  std::string answer_once(const std::string& bytes) {
    std::string request = await_request();
    static_cast<void>(::send(clients_.back().fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    ::shutdown(clients_.back().fd, SHUT_WR);
    return request;
  }

  [[nodiscard]] std::string url(const std::string& path, const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + path;
  }

 private:
  struct connection {
    explicit connection(int socket) : fd(socket) {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() { ::close(fd); }
    int fd;
  };

  static constexpr char tls_handshake = 0x16;

  int socket_;
  int port_ = 0;
  std::list<connection> clients_;
};

}  // namespace squid_mesh::inline v1::http
