#include "feed.h"

#include "html_text.h"
#include "published.h"

#include <pugixml.hpp>

#include <initializer_list>
#include <sstream>

namespace daily_digest {
namespace {

/// Feeds that lie about their encoding are common, and only UTF-8 can go on as JSON.
std::string valid_utf8(const std::string& text) {
  using squid_mesh::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

/// What is inside an element: its text, CDATA or not, and its elements as markup.
std::string content_of(const pugi::xml_node& node) {
  std::ostringstream content;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_element) {
      child.print(content, "", pugi::format_raw);
    } else {
      content << child.value();
    }
  }
  return valid_utf8(content.str());
}

/// An element's text without white space at its ends: for links and dates.
std::string bare_text(const pugi::xml_node& node) {
  const std::string text = content_of(node);
  constexpr const char* white = " \t\r\n";
  const auto from = text.find_first_not_of(white);
  return from == std::string::npos ? "" : text.substr(from, text.find_last_not_of(white) - from + 1);
}

/// A text that may hold HTML, as feeds escape it or not.
std::string plain_text(const pugi::xml_node& node) {
  const bool is_text = std::string_view(node.attribute("type").value()) == "text";
  return is_text ? fold_white_space(content_of(node)) : html_to_text(content_of(node));
}

/// The first of these elements that says anything.
std::string first_text(const pugi::xml_node& parent, std::initializer_list<std::string> names) {
  for (const std::string& name : names) {
    if (std::string text = plain_text(parent.child(name.c_str())); !text.empty()) return text;
  }
  return {};
}

// -- RSS 2.0 ---------------------------------------------------------------------------------------------------------

/// Items without a link often have a permanent link for an id.
std::string rss_link(const pugi::xml_node& item) {
  std::string link = bare_text(item.child("link"));
  const pugi::xml_node guid = item.child("guid");
  if (!link.empty() || std::string_view(guid.attribute("isPermaLink").value()) == "false") return link;
  return bare_text(guid);
}

feed_item rss_item(const pugi::xml_node& item) {
  std::string published = to_iso_utc(bare_text(item.child("pubDate")));
  if (published.empty()) published = to_iso_utc(bare_text(item.child("dc:date")));
  return {.title = first_text(item, {"title", "dc:title"}),
          .link = rss_link(item),
          .summary = first_text(item, {"description", "content:encoded", "itunes:summary"}),
          .published = std::move(published)};
}

feed rss_feed(const pugi::xml_node& channel) {
  feed read{.title = first_text(channel, {"title"}), .link = bare_text(channel.child("link")), .items = {}};
  for (const pugi::xml_node& item : channel.children("item")) read.items.push_back(rss_item(item));
  return read;
}

// -- Atom ------------------------------------------------------------------------------------------------------------

/// Atom's elements may carry a prefix, which is then the root's own.
struct atom_names {
  std::string prefix;

  [[nodiscard]] std::string operator()(const char* name) const { return prefix + name; }
};

/// The page itself, rather than the feed, an enclosure or an edit link.
std::string atom_link(const pugi::xml_node& parent, const atom_names& named) {
  const std::string name = named("link");
  for (const pugi::xml_node& link : parent.children(name.c_str())) {
    const std::string_view rel = link.attribute("rel").as_string("alternate");
    if (rel == "alternate") return valid_utf8(link.attribute("href").value());
  }
  return {};
}

feed_item atom_entry(const pugi::xml_node& entry, const atom_names& named) {
  std::string published = to_iso_utc(bare_text(entry.child(named("published").c_str())));
  if (published.empty()) published = to_iso_utc(bare_text(entry.child(named("updated").c_str())));
  return {.title = first_text(entry, {named("title")}),
          .link = atom_link(entry, named),
          .summary = first_text(entry, {named("summary"), named("content"), "media:description"}),
          .published = std::move(published)};
}

feed atom_feed(const pugi::xml_node& root, const atom_names& named) {
  feed read{.title = first_text(root, {named("title")}), .link = atom_link(root, named), .items = {}};
  const std::string name = named("entry");
  for (const pugi::xml_node& entry : root.children(name.c_str())) {
    read.items.push_back(atom_entry(entry, named));
  }
  return read;
}

}  // namespace

squid_mesh::result<feed> parse_feed(std::string_view text) {
  pugi::xml_document document;
  const auto parsed = document.load_buffer(text.data(), text.size());
  if (!parsed) {
    return std::unexpected(squid_mesh::permanent("the feed is not XML: " + std::string(parsed.description()) +
                                                 " at byte " + std::to_string(parsed.offset)));
  }
  const pugi::xml_node root = document.document_element();
  const std::string name = root.name();
  if (const pugi::xml_node channel = root.child("channel"); name == "rss" && !channel.empty()) return rss_feed(channel);
  if (name == "feed" || name.ends_with(":feed")) {
    return atom_feed(root, {.prefix = name.substr(0, name.size() - std::string_view("feed").size())});
  }
  return std::unexpected(
      squid_mesh::permanent("the document is neither RSS 2.0 nor Atom: its root is <" + valid_utf8(name) + ">"));
}

}  // namespace daily_digest
