#include "support/postgres_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace squid_mesh::testing {
namespace {

/// How soon threads notice that all is over.
constexpr int glance_ms = 20;

class descriptor {
 public:
  explicit descriptor(int number) : number_(number) {
    if (number_ < 0) throw std::system_error(errno, std::generic_category(), "postgres_proxy");
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { ::close(number_); }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface is made so.
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Whether all of it could be sent.
bool send_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// What has arrived; empty at the end.
std::string receive(int from) {
  std::array<char, 65536> buffer{};
  ssize_t got = -1;
  do {
    got = ::recv(from, buffer.data(), buffer.size(), 0);
  } while (got < 0 && errno == EINTR);
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

/// The messages in a stream of bytes.
class messages {
 public:
  /// `greeting`: the first message has no type.
  explicit messages(bool greeting) : greeting_(greeting) {}
  void add(std::string_view bytes) { bytes_ += bytes; }

  /// The next whole message, removed. Its type is 0 for the greeting.
  bool take(char& type, std::string& message) {
    const std::size_t head = greeting_ ? 0 : 1;
    if (bytes_.size() < head + 4) return false;
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8U | static_cast<unsigned char>(bytes_[head + i]);
    if (bytes_.size() < head + length) return false;
    type = greeting_ ? '\0' : bytes_[0];
    message = bytes_.substr(0, head + length);
    bytes_.erase(0, head + length);
    greeting_ = false;
    return true;
  }

 private:
  bool greeting_;
  std::string bytes_;
};

}  // namespace

/// Between one client and the server.
class postgres_proxy::conversation {
 public:
  conversation(postgres_proxy& proxy, int client) : proxy_(proxy), client_(client) {}

  void run() {
    const sockaddr_un address = address_of(proxy_.server_);
    if (::connect(server_.get(), generic(address), sizeof(address)) != 0) return;
    while (!proxy_.over_) {
      std::array<pollfd, 2> both{{{client_.get(), POLLIN, 0}, {server_.get(), POLLIN, 0}}};
      if (::poll(both.data(), both.size(), glance_ms) < 0 && errno != EINTR) return;
      if (both[0].revents != 0 && !ask()) return;
      if (both[1].revents != 0 && !answer()) return;
    }
  }

 private:
  bool ask() {
    const std::string bytes = receive(client_.get());
    asked_.add(bytes);
    char type = 0;
    for (std::string message; asked_.take(type, message);) {
      if (type != 'S' && type != 'Q') continue;
      if (awaited_++ > 0) continue;
      const int number = ++proxy_.round_trips_;
      const int every = proxy_.lose_every_;
      loses_ = every > 0 && number % every == 0;
    }
    return !bytes.empty() && send_all(server_.get(), bytes);
  }

  bool answer() {
    const std::string bytes = receive(server_.get());
    answered_.add(bytes);
    char type = 0;
    for (std::string message; answered_.take(type, message);) {
      held_ += message;
      // The first one ends the greeting, which nobody has counted.
      if (type == 'Z' && std::exchange(greeted_, true) && --awaited_ == 0 && loses_) {
        ++proxy_.lost_;
        return false;
      }
    }
    // What ends the connection, and what comes unasked.
    const bool complete = bytes.empty() || awaited_ == 0;
    if (complete && !send_all(client_.get(), std::exchange(held_, {}))) return false;
    return !bytes.empty();
  }

  postgres_proxy& proxy_;
  const descriptor client_;
  const descriptor server_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  messages asked_{true};
  messages answered_{false};
  std::string held_;
  bool greeted_ = false;
  bool loses_ = false;
  int awaited_ = 0;
};

postgres_proxy::postgres_proxy(const std::filesystem::path& cluster)
    : server_((cluster / (".s.PGSQL." + postgres_port(cluster))).string()),
      listening_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_un address = address_of(directory_ / ".s.PGSQL.6543");
  if (::bind(listening_, generic(address), sizeof(address)) != 0 || ::listen(listening_, 100) != 0) {
    throw std::system_error(errno, std::generic_category(), "postgres_proxy");
  }
  acceptor_ = std::jthread([this] { accept_clients(); });
}

postgres_proxy::~postgres_proxy() {
  over_ = true;
  acceptor_.join();
  conversations_.clear();
  ::close(listening_);
}

void postgres_proxy::accept_clients() {
  while (!over_) {
    pollfd waiting{listening_, POLLIN, 0};
    if (::poll(&waiting, 1, glance_ms) != 1) continue;
    const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) conversations_.emplace_back([this, client] { conversation(*this, client).run(); });
  }
}

}  // namespace squid_mesh::testing
