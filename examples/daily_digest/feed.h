// RSS 2.0 and Atom feeds as plain values.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace daily_digest {

/// Every text is plain: no HTML, white space folded. What a feed leaves out is empty.
struct feed_item {
  std::string title;
  std::string link;
  std::string summary;
  std::string published;  ///< ISO-8601 in UTC, such as `2026-11-22T09:00:00Z`

  bool operator==(const feed_item&) const = default;
};

struct feed {
  std::string title;
  std::string link;
  std::vector<feed_item> items;  ///< in the feed's own order

  bool operator==(const feed&) const = default;
};

/// Reads a feed, forgiving what real feeds get wrong. What is no RSS 2.0 or Atom at all is a permanent error: fetching
/// the same again would not help.
squid_mesh::result<feed> parse_feed(std::string_view text);

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(feed_item, title, link, summary, published)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(feed, title, link, items)

}  // namespace daily_digest
