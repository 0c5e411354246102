// The workflow: every weekday at nine, what a feed has to say goes to Discord.
#pragma once

#include "actions.h"

#include <squid_mesh/squid_mesh.hpp>

#include <chrono>

namespace daily_digest {

namespace sm = squid_mesh;
using namespace std::chrono_literals;

// clang-format off
inline constexpr auto post_daily_digest = sm::workflow({
  .name = "content.post_daily_digest",
  .triggers = {{
    .name = "daily_digest",
    .schedule = sm::cron{"0 9 * * 1-5", "Etc/UTC"},
    .payload = {
      {"feed_url", sm::type::string, sm::value("https://example.com/feed.xml")},
      {"discord_webhook_url", sm::type::string, sm::secret},
      {"posted_on", sm::type::string, sm::today},
    },
  }},
  .steps = {
    {"fetch_feed", sm::action<fetch_feed>,
      {.input = {"feed_url"}, .output = "feed", .retry = {.max_attempts = 3, .backoff = sm::exponential(1s, 30s)}}},
    {"build_digest", sm::action<build_digest>, {.input = {"feed", "posted_on"}, .output = "digest"}},
    {"announce_post", sm::log{"Posting digest to Discord", sm::level::info}},
    {"post_to_discord", sm::action<post_to_discord>,
      {.input = {"digest", "discord_webhook_url"}, .output = "delivery",
       .retry = {.max_attempts = 5, .backoff = sm::exponential(1s, 30s)}}},
    {"record_failed_delivery", sm::action<record_failed_delivery>, {.input = {"digest", "posted_on"}}},
  },
  .transitions = {
    {"fetch_feed", sm::on::ok, "build_digest"},
    {"build_digest", sm::on::ok, "announce_post"},
    {"announce_post", sm::on::ok, "post_to_discord"},
    {"post_to_discord", sm::on::ok, sm::complete},
    {"post_to_discord", sm::on::error, "record_failed_delivery"},
    {"record_failed_delivery", sm::on::ok, sm::complete},
  },
});
// clang-format on

}  // namespace daily_digest
