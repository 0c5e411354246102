#include "feed.h"

#include "demo_feed.h"
#include "html_text.h"
#include "published.h"

#include <gtest/gtest.h>

namespace daily_digest {
namespace {

using squid_mesh::json;

feed parsed(std::string_view text) {
  auto read = parse_feed(text);
  EXPECT_TRUE(read) << to_string(read.error());
  return read ? *std::move(read) : feed();
}

/// The only item of an RSS feed with this in it.
feed_item rss_item_with(const std::string& inside) {
  const feed read = parsed("<rss version='2.0'><channel><item>" + inside + "</item></channel></rss>");
  EXPECT_EQ(read.items.size(), 1);
  return read.items.empty() ? feed_item() : read.items.front();
}

feed_item atom_entry_with(const std::string& inside) {
  const feed read = parsed("<feed xmlns='http://www.w3.org/2005/Atom'><entry>" + inside + "</entry></feed>");
  EXPECT_EQ(read.items.size(), 1);
  return read.items.empty() ? feed_item() : read.items.front();
}

TEST(Rss, ReadsTheDemoFeed) {
  const feed read = parsed(demo_feed);
  EXPECT_EQ(read.title, "Hafenkurier – News from the Waterfront");
  EXPECT_EQ(read.link, "https://hafenkurier.example/") << "the channel's own link, not atom:link";
  ASSERT_EQ(read.items.size(), 12);
  EXPECT_EQ(
      read.items[0],
      (feed_item{.title = "Giant squid surfaces near Köln – “very polite”, say witnesses 🦑",
                 .link = "https://hafenkurier.example/2026/11/20/giant-squid?utm_source=rss&utm_medium=feed",
                 .summary = "A giant squid spent forty minutes in the Rhine on Thursday evening. “It waved,” said "
                            "Frau Müller, who was walking her dog. Read on…",
                 .published = "2026-11-20T07:30:00Z"}));
  EXPECT_EQ(read.items[1].summary, "Line 62 every 20 minutes Line 72 from 6:15 No service on New Year’s Day");
  EXPECT_EQ(read.items[2].title, "Crane & Sons to build the new container bridge");
  EXPECT_EQ(read.items[2].published, "2026-11-19T15:20:00Z");
  EXPECT_EQ(read.items[3].link, "https://hafenkurier.example/2026/11/19/buoys") << "a permanent id is a link";
  EXPECT_TRUE(read.items[3].summary.starts_with("Port is red, starboard is green – in Europe."))
      << read.items[3].summary;
  EXPECT_EQ(read.items[5].title, "Fischbrötchen prices: <3 for the classic, 4.50 for the rest");
  EXPECT_EQ(read.items[9].summary, "");
}

TEST(Rss, ForgivesWhatIsMissing) {
  EXPECT_EQ(parsed("<rss><channel/></rss>"), feed());
  EXPECT_EQ(rss_item_with(""), feed_item());
  EXPECT_EQ(rss_item_with("<guid isPermaLink='false'>x</guid><pubDate>yesterday</pubDate>"), feed_item());
}

TEST(Rss, IgnoresOtherNamespaces) {
  const feed_item item =
      rss_item_with("<media:title>no</media:title><title>yes</title><itunes:title>no</itunes:title>");
  EXPECT_EQ(item.title, "yes");
}

TEST(Rss, ReadsMarkupThatNobodyEscaped) {
  EXPECT_EQ(rss_item_with("<description>a <b>bold</b>&nbsp;word<br/>and &amp; more</description>").summary,
            "a bold word and & more");
}

TEST(Rss, ReadsOtherEncodings) {
  EXPECT_EQ(
      parsed("<?xml version='1.0' encoding='ISO-8859-1'?><rss><channel><title>K\xF6ln</title></channel></rss>").title,
      "Köln");
  const feed lying = parsed("<rss><channel><title>K\xF6ln</title></channel></rss>");
  EXPECT_EQ(lying.title, "K\uFFFDln");
  EXPECT_NO_THROW(static_cast<void>(json(lying).dump()));
}

TEST(Atom, ReadsEntries) {
  const feed read = parsed(R"(<?xml version="1.0"?>
    <feed xmlns="http://www.w3.org/2005/Atom">
      <title type="html">News &amp;amp; more</title>
      <link rel="self" href="https://a.example/atom.xml"/>
      <link href="https://a.example/"/>
      <entry>
        <title type="text">1 &lt; 2</title>
        <link rel="enclosure" href="https://a.example/a.mp3"/>
        <link rel="alternate" href="https://a.example/1"/>
        <updated>2026-11-22T10:00:00.123456+01:00</updated>
        <published>2026-11-21T10:00:00+01:00</published>
        <summary type="html">&lt;p&gt;short&lt;/p&gt;</summary>
        <content>long</content>
      </entry>
      <entry>
        <updated>2026-11-22T10:00:00.123456+01:00</updated>
        <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>a <b>b</b>.</p><p>c &lt; d</p></div></content>
      </entry>
    </feed>)");
  EXPECT_EQ(read,
            (feed{.title = "News & more",
                  .link = "https://a.example/",
                  .items = {{.title = "1 < 2",
                             .link = "https://a.example/1",
                             .summary = "short",
                             .published = "2026-11-21T09:00:00Z"},
                            {.title = "", .link = "", .summary = "a b. c < d", .published = "2026-11-22T09:00:00Z"}}}));
}

TEST(Atom, ReadsPrefixedElements) {
  const feed read = parsed(
      "<a:feed xmlns:a='http://www.w3.org/2005/Atom'><a:title>t</a:title>"
      "<a:entry><a:title>e</a:title><a:link href='https://a.example/'/></a:entry></a:feed>");
  EXPECT_EQ(read.title, "t");
  ASSERT_EQ(read.items.size(), 1);
  EXPECT_EQ(read.items[0].title, "e");
  EXPECT_EQ(read.items[0].link, "https://a.example/");
  EXPECT_EQ(atom_entry_with("<summary/><content>body</content>").summary, "body");
}

TEST(Feed, RefusesWhatIsNone) {
  for (const char* text : {"", "hello", "{\"a\": 1}", "<rss>", "<rss/>", "<html><body/></html>",
                           "<?xml version='1.0'?>", "<opml/>", "<!DOCTYPE html><html><head><meta></head></html>"}) {
    const auto read = parse_feed(text);
    ASSERT_FALSE(read) << text;
    EXPECT_FALSE(read.error().retryable) << text;
    EXPECT_NE(read.error().message, "");
  }
}

TEST(Feed, SurvivesDepth) {
  std::string deep = "<rss><channel><title>";
  for (int i = 0; i < 100'000; ++i) deep += "<b>";
  deep += "x";
  for (int i = 0; i < 100'000; ++i) deep += "</b>";
  EXPECT_EQ(parsed(deep + "</title></channel></rss>").title, "x");
}

TEST(Feed, SurvivesItsJson) {
  const feed read = parsed(demo_feed);
  EXPECT_EQ(json::parse(json(read).dump()).get<feed>(), read);
}

TEST(HtmlText, LeavesOutMarkup) {
  EXPECT_EQ(html_to_text("<p>one</p><p>two</p>"), "one two");
  EXPECT_EQ(html_to_text("th<b>e</b> <A HREF='>'>end</A>"), "the '>end") << "a > in an attribute ends the tag";
  EXPECT_EQ(html_to_text("a<!-- <b> -->b<script>if (x < 1) {}</script>c<STYLE>d</STYLE>e"), "a b c e");
  EXPECT_EQ(html_to_text("1 < 2 <3 a<"), "1 < 2 <3 a<");
  EXPECT_EQ(html_to_text("open <script>never closed"), "open");
  EXPECT_EQ(html_to_text("open <a"), "open");
}

TEST(HtmlText, DecodesEntities) {
  EXPECT_EQ(html_to_text("&lt;b&gt; &amp;amp; &quot;&#39;&#x2026;&uuml;&#129425;"), "<b> &amp; \"'…ü🦑");
  EXPECT_EQ(html_to_text("&unknown; AT&T & &; &#; &#x; &#12x; &a"), "&unknown; AT&T & &; &#; &#x; &#12x; &a");
  EXPECT_EQ(html_to_text("&#0;&#xD800;&#1114112;&#9999999999;"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(HtmlText, FoldsWhiteSpace) {
  EXPECT_EQ(html_to_text(" \n a\t\t&nbsp; b\u00A0 "), "a b");
  EXPECT_EQ(html_to_text("&nbsp;"), "");
}

TEST(Published, ReadsTheDatesOfFeeds) {
  for (const char* text :
       {"Sun, 22 Nov 2026 09:00:00 GMT", "Mon, 22 Nov 2026 10:00:00 +0100", "22 Nov 2026 09:00:00 UT",
        "2026-11-22T09:00:00Z", "2026-11-22T04:00:00-05:00", "2026-11-22T09:00:00.5Z"}) {
    EXPECT_EQ(to_iso_utc(text), "2026-11-22T09:00:00Z") << text;
  }
  for (const char* text : {"", "today", "2026-11-22", "32 Nov 2026 09:00:00 GMT", "22 Nov 2026 09:00:00 CEST", ", "}) {
    EXPECT_EQ(to_iso_utc(text), "") << text;
  }
}

}  // namespace
}  // namespace daily_digest
