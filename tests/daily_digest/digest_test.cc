#include "digest.h"

#include "demo_feed.h"
#include "discord_limits.h"
#include "webhook.h"

#include <gtest/gtest.h>

namespace daily_digest {
namespace {

using squid_mesh::json;

feed feed_of(std::size_t count, const feed_item& each) {
  return {.title = "News", .link = "https://a.example/", .items = std::vector<feed_item>(count, each)};
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

webhook_answer judged(const json& message) { return judge_message("application/json", message.dump()); }

TEST(DiscordLimits, CountUtf16) {
  EXPECT_EQ(discord::length(""), 0);
  EXPECT_EQ(discord::length("aü…"), 3);
  EXPECT_EQ(discord::length("🦑"), 2);
}

TEST(DiscordLimits, ShortenBetweenCharacters) {
  EXPECT_EQ(discord::shortened("abc", 3), "abc");
  EXPECT_EQ(discord::shortened("abcd", 3), "ab…");
  EXPECT_EQ(discord::shortened("äöü", 2), "ä…");
  EXPECT_EQ(discord::shortened("a🦑b", 3), "a…") << "half a squid is no squid";
  EXPECT_EQ(discord::shortened("a b c", 3), "a…") << "no space before the ellipsis";
  EXPECT_EQ(discord::shortened("abc", 1), "…");
  EXPECT_EQ(discord::shortened("abc", 0), "");
}

TEST(DiscordLimits, KnowLinks) {
  for (const char* link : {"http://a.example", "https://a.example/?q=1#x"}) EXPECT_TRUE(discord::is_link(link)) << link;
  for (const char* text : {"", "a.example", "ftp://a.example/", "https://", "https:///x", "https://a b",
                           "https://ü.example", "javascript:alert(1)"}) {
    EXPECT_FALSE(discord::is_link(text)) << text;
  }
  EXPECT_FALSE(discord::is_link("https://a.example/" + std::string(2'048, 'x')));
}

TEST(Digest, OfTheDemoFeed) {
  const feed read = *parse_feed(demo_feed);
  const json message = build_digest_message(read, "2026-11-22");
  EXPECT_EQ(message["content"], "**Hafenkurier – News from the Waterfront** on 2026-11-22: 10 of 12 items");
  ASSERT_EQ(message["embeds"].size(), 10);
  const json& first = message["embeds"][0];
  EXPECT_EQ(first["title"], read.items[0].title);
  EXPECT_EQ(first["url"], read.items[0].link);
  EXPECT_EQ(first["description"], read.items[0].summary);
  EXPECT_EQ(first["timestamp"], "2026-11-20T07:30:00Z");
  EXPECT_FALSE(message["embeds"][9].contains("description")) << "an item without a summary";
  EXPECT_EQ(message["embeds"][9]["footer"]["text"], "More on https://hafenkurier.example/");
  EXPECT_EQ(message["allowed_mentions"]["parse"], json::array()) << "a feed must not notify @everyone";
  EXPECT_EQ(judged(message).status, 204) << judged(message).body;
  EXPECT_EQ(build_digest_message(read, "2026-11-22"), message);
}

TEST(Digest, HoldsTheLimits) {
  for (const char* character : {"x", "ü", "…", "🦑", "🦑 "}) {
    const std::string text = repeated(character, 9'000);
    feed from = feed_of(25, {.title = text, .link = "https://a.example/" + text, .summary = text, .published = ""});
    from.title = text;
    from.link = "https://a.example/" + std::string(1'500, 'x');
    const json message = build_digest_message(from, "2026-11-22");
    EXPECT_EQ(message["embeds"].size(), 10);
    EXPECT_EQ(judged(message).status, 204) << judged(message).body;
    EXPECT_TRUE(message["embeds"][0]["title"].get<std::string>().ends_with("…"));
  }
}

TEST(Digest, LeavesOutWhatIsNoLink) {
  const json message =
      build_digest_message(feed_of(1, {.title = "t", .link = "javascript:x", .summary = "", .published = ""}), "d");
  EXPECT_EQ(message["embeds"][0], (json{{"title", "t"}, {"footer", {{"text", "More on https://a.example/"}}}}));
}

TEST(Digest, NamesTheNameless) {
  const json message = build_digest_message(feed_of(1, {}), "d");
  EXPECT_EQ(message["embeds"][0]["title"], "(untitled)");
  EXPECT_EQ(judged(message).status, 204);
}

TEST(Digest, OfAnEmptyFeed) {
  const json message = build_digest_message(feed_of(0, {}), "2026-11-22");
  EXPECT_EQ(message["content"], "**News** on 2026-11-22: nothing today");
  EXPECT_EQ(judged(message).status, 204);
}

TEST(Digest, PutsTheNewestFirst) {
  feed from = feed_of(12, {.title = "old", .link = "", .summary = "", .published = "2026-11-01T00:00:00Z"});
  from.items.back() = {.title = "new", .link = "", .summary = "", .published = "2026-11-22T00:00:00Z"};
  EXPECT_EQ(build_digest_message(from, "d")["embeds"][0]["title"], "new");
  from.items.front().published.clear();
  EXPECT_EQ(build_digest_message(from, "d")["embeds"][0]["title"], "old") << "without dates the feed's order holds";
}

TEST(Webhook, IsAsStrictAsDiscord) {
  const json embed = {{"title", "t"}};
  const auto many = [](std::size_t count, const json& each) { return json(std::vector<json>(count, each)); };
  const auto text = [](std::size_t length) { return std::string(length, 'x'); };
  EXPECT_EQ(judged({{"content", text(2'000)}}).status, 204);
  EXPECT_EQ(judged({{"embeds", many(10, embed)}}).status, 204);
  EXPECT_EQ(judged({{"embeds", {{{"title", text(256)}, {"description", text(4'096)}}}}}).status, 204);
  const std::vector<json> refused{
      json::object(),
      {{"content", ""}},
      {{"content", 1}},
      {{"content", text(2'001)}},
      {{"embeds", "x"}},
      {{"embeds", json::array({"x"})}},
      {{"embeds", many(11, embed)}},
      {{"embeds", {{{"title", text(257)}}}}},
      {{"embeds", {{{"title", 1}}}}},
      {{"embeds", {{{"url", "https://a.example/"}}}}},
      {{"embeds", {{{"title", "t"}, {"url", "ftp://a.example/"}}}}},
      {{"embeds", {{{"description", text(4'097)}}}}},
      {{"embeds", {{{"title", "t"}, {"footer", {{"text", text(2'049)}}}}}}},
      {{"embeds", many(2, {{"description", text(3'001)}})}},
      {{"embeds", many(2, {{"title", text(1)}, {"description", text(1'000)}, {"footer", {{"text", text(2'000)}}}})}},
  };
  for (const json& message : refused) {
    const webhook_answer answer = judged(message);
    EXPECT_EQ(answer.status, 400) << message;
    EXPECT_TRUE(answer.body.contains("message") && answer.body.contains("code")) << answer.body;
  }
  EXPECT_EQ(judge_message("text/plain", "{}").status, 400);
  EXPECT_EQ(judge_message("application/json", "{").status, 400);
  EXPECT_EQ(judge_message("application/json", "[]").status, 400);
  EXPECT_EQ(judge_message("application/json; charset=utf-8", R"({"content": "x"})").status, 204);
}

}  // namespace
}  // namespace daily_digest
