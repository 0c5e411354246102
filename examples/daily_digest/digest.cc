#include "digest.h"

#include "discord_limits.h"

#include <algorithm>
#include <span>
#include <string>

namespace daily_digest {
namespace {

using squid_mesh::json;

constexpr std::size_t footer_room = 100;
/// Each of the embeds gets the same share of what a message may hold.
constexpr std::size_t embed_room = (discord::max_embed_text - footer_room) / discord::max_embeds;
static_assert(embed_room > discord::max_title && embed_room < discord::max_description);

std::string headline(const feed& from, std::string_view posted_on, std::size_t shown) {
  constexpr std::size_t room_for_name = 200;
  const std::string name = discord::shortened(from.title.empty() ? "Digest" : from.title, room_for_name);
  const std::string text = "**" + name + "** on " + std::string(posted_on) + ": ";
  if (shown == 0) return text + "nothing today";
  if (shown < from.items.size()) {
    return text + std::to_string(shown) + " of " + std::to_string(from.items.size()) + " items";
  }
  return text + std::to_string(shown) + (shown == 1 ? " item" : " items");
}

json embed(const feed_item& item) {
  const std::string title = discord::shortened(item.title.empty() ? "(untitled)" : item.title, discord::max_title);
  json made = {{"title", title}};
  if (discord::is_link(item.link)) made["url"] = item.link;
  if (!item.published.empty()) made["timestamp"] = item.published;
  const std::string description = discord::shortened(item.summary, embed_room - discord::length(title));
  if (!description.empty()) made["description"] = description;
  return made;
}

/// Newest first where every item has a date, otherwise in the feed's own order.
std::vector<feed_item> newest(const feed& from) {
  std::vector<feed_item> items = from.items;
  const bool all_dated = std::ranges::none_of(items, &std::string::empty, &feed_item::published);
  if (all_dated) std::ranges::stable_sort(items, std::ranges::greater{}, &feed_item::published);
  items.resize(std::min(items.size(), discord::max_embeds));
  return items;
}

}  // namespace

json build_digest_message(const feed& from, std::string_view posted_on) {
  json embeds = json::array();
  for (const feed_item& item : newest(from)) embeds.push_back(embed(item));
  const std::string content = headline(from, posted_on, embeds.size());
  if (!embeds.empty() && discord::is_link(from.link)) {
    embeds.back()["footer"] = {{"text", discord::shortened("More on " + from.link, footer_room)}};
  }
  // A feed's author must not be able to notify everybody.
  return {{"content", discord::shortened(content, discord::max_content)},
          {"embeds", std::move(embeds)},
          {"allowed_mentions", {{"parse", json::array()}}}};
}

}  // namespace daily_digest
