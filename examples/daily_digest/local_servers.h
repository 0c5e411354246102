// The demo's outside world: a site with a feed, and Discord.
#pragma once

#include "webhook.h"

#include <squid_mesh/error.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace daily_digest {

struct local_servers_options {
  /// Of the loopback interface; 0: any free one.
  int port = 0;
  /// The text of the feed.
  std::string feed;
  /// Whether the webhook is in trouble at first: it answers the first message with 429 and Retry-After, the second
  /// with 500.
  bool has_bad_start = true;
};

/// Serves `/feed.xml` and `/api/webhooks/ID/TOKEN` on one port, so that whoever knows the one knows the other.
/// Safe to use from several threads. Stops when destroyed.
class local_servers {
 public:
  static squid_mesh::result<local_servers> start(local_servers_options options);

  local_servers(const local_servers&) = delete;
  local_servers& operator=(const local_servers&) = delete;
  local_servers(local_servers&&) noexcept;
  local_servers& operator=(local_servers&&) noexcept;
  ~local_servers();

  /// The port in a feed's URL, if it is one that such servers would have.
  static std::optional<int> port_of(std::string_view feed_url);

  [[nodiscard]] int port() const;
  [[nodiscard]] std::string feed_url() const;
  [[nodiscard]] std::string webhook_url() const;

  /// The messages that the webhook accepted, in order.
  [[nodiscard]] std::vector<squid_mesh::json> messages() const;

 private:
  struct impl;
  explicit local_servers(std::unique_ptr<impl> state);

  std::unique_ptr<impl> impl_;
};

}  // namespace daily_digest
