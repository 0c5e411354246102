// What the steps of the digest do.
#pragma once

#include "feed.h"

#include <squid_mesh/squid_mesh.hpp>

#include <filesystem>
#include <mutex>
#include <string>

namespace daily_digest {

/// Where digests are noted that couldn't be delivered: one JSON object a line. The host provides it to the mesh.
/// Safe to use from several threads.
class failed_deliveries {
 public:
  explicit failed_deliveries(std::filesystem::path file) : file_(std::move(file)) {}

  squid_mesh::result<void> add(const squid_mesh::json& entry);

 private:
  const std::filesystem::path file_;
  std::mutex mutex_;
};

struct fetch_input {
  std::string feed_url;
};
struct build_input {
  daily_digest::feed feed;
  std::string posted_on;
};
struct post_input {
  squid_mesh::json digest;
  std::string discord_webhook_url;
};
struct record_input {
  squid_mesh::json digest;
  std::string posted_on;
};

squid_mesh::result<feed> fetch_feed(const fetch_input& input, squid_mesh::step_context& context);
squid_mesh::json build_digest(const build_input& input);
/// Returns `{"status": 204}`. A refusal's Retry-After goes to the step's retry policy with the error.
squid_mesh::result<squid_mesh::json> post_to_discord(const post_input& input, squid_mesh::step_context& context);
squid_mesh::result<void> record_failed_delivery(const record_input& input, squid_mesh::step_context& context);

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(fetch_input, feed_url)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(build_input, feed, posted_on)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(post_input, digest, discord_webhook_url)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(record_input, digest, posted_on)

}  // namespace daily_digest
