#include "local_servers.h"

#include "demo_feed.h"
#include "feed.h"

#include <squid_mesh/http.hpp>

#include <gtest/gtest.h>

namespace daily_digest {
namespace {

using squid_mesh::json;
namespace http = squid_mesh::http;

local_servers started(local_servers_options options) {
  auto servers = local_servers::start(std::move(options));
  if (!servers) throw std::runtime_error(to_string(servers.error()));
  return *std::move(servers);
}

squid_mesh::result<http::response> post(const std::string& url, const json& message) {
  return http::send({.method = "POST", .url = url, .json_body = message});
}

TEST(LocalServers, ServeTheFeed) {
  const local_servers servers = started({.feed = std::string(demo_feed)});
  const auto got = http::send({.url = servers.feed_url()});
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(got->body, demo_feed);
  EXPECT_TRUE(parse_feed(got->body));
}

TEST(LocalServers, StartBadlyThenAccept) {
  const local_servers servers = started({});
  const json message = {{"content", "hello"}};

  const auto first = post(servers.webhook_url(), message);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().details["status"], 429);
  EXPECT_EQ(first.error().retry_after, std::chrono::seconds(1));
  const auto second = post(servers.webhook_url(), message);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().details["status"], 500);
  EXPECT_TRUE(servers.messages().empty());

  const auto third = post(servers.webhook_url(), message);
  ASSERT_TRUE(third) << to_string(third.error());
  EXPECT_EQ(third->status, 204);
  EXPECT_EQ(servers.messages(), std::vector<json>{message});
}

TEST(LocalServers, RefuseWhatDiscordWould) {
  const local_servers servers = started({.has_bad_start = false});
  const auto status = [](const squid_mesh::result<http::response>& got) {
    return got ? json(got->status) : got.error().details["status"];
  };
  EXPECT_EQ(status(post(servers.webhook_url(), json::object())), 400);
  EXPECT_EQ(status(post(servers.webhook_url() + "x", {{"content", "x"}})), 404);
  EXPECT_EQ(status(http::send({.url = servers.webhook_url()})), 404);
  EXPECT_TRUE(servers.messages().empty());
}

TEST(LocalServers, ComeBackOnTheirPort) {
  std::string url;
  int port = 0;
  {
    const local_servers before = started({});
    url = before.webhook_url();
    port = before.port();
    EXPECT_EQ(local_servers::port_of(before.feed_url()), port);
    EXPECT_FALSE(local_servers::start({.port = port})) << "two servers on one port";
  }
  const local_servers after = started({.port = port, .has_bad_start = false});
  EXPECT_EQ(after.webhook_url(), url);
  EXPECT_TRUE(post(url, {{"content", "x"}}));
}

TEST(LocalServers, KnowTheirUrls) {
  EXPECT_EQ(local_servers::port_of("http://127.0.0.1:80/feed.xml"), 80);
  for (const char* url : {"", "https://example.com/feed.xml", "http://127.0.0.1:80/", "http://127.0.0.1:/feed.xml",
                          "http://127.0.0.1:0/feed.xml", "http://127.0.0.1:65536/feed.xml"}) {
    EXPECT_EQ(local_servers::port_of(url), std::nullopt) << url;
  }
}

}  // namespace
}  // namespace daily_digest
