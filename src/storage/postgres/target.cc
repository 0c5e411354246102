#include "storage/postgres/target.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
constexpr bool is_name_part(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

std::unexpected<error> invalid(std::string message) {
  return std::unexpected(error{.code = errc::invalid_argument, .message = std::move(message)});
}

/// Takes a parameter out of a URL's query.
std::optional<std::string> take_parameter(std::string& url, std::string_view name) {
  const std::size_t query = url.find('?');
  if (query == std::string::npos) return std::nullopt;
  for (std::size_t at = query + 1; at < url.size();) {
    const std::size_t end = std::min(url.find('&', at), url.size());
    const std::string part = url.substr(at, end - at);
    if (part.starts_with(name) && part.size() > name.size() && part[name.size()] == '=') {
      // The separator before it goes too, or the one after it where it is the first.
      if (at == query + 1) {
        url.erase(at, std::min(end + 1, url.size()) - at);
      } else {
        url.erase(at - 1, end - at + 1);
      }
      if (url.ends_with('?')) url.pop_back();
      return part.substr(name.size() + 1);
    }
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace

result<schema> schema::named(std::string name) {
  if (name.empty() || name.size() > 63 || !is_letter(name.front()) || !std::ranges::all_of(name, is_name_part)) {
    return invalid("the schema \"" + name +
                   "\" is no name of 1 to 63 letters, digits and underscores that begins with no digit");
  }
  return schema(std::move(name));
}

std::string schema::spell(std::string_view sql) const {
  std::string spelled;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (sql[i] == '@' && i + 1 < sql.size() && is_letter(sql[i + 1])) {
      spelled += '"' + name_ + "\".";
    } else {
      spelled += sql[i];
    }
  }
  return spelled;
}

result<target> parse_target(std::string_view url) {
  std::string rest(url);
  auto tables = schema::named(take_parameter(rest, "schema").value_or("public"));
  if (!tables) return std::unexpected(std::move(tables).error());
  const std::string migrate = take_parameter(rest, "migrate").value_or("yes");
  if (migrate != "yes" && migrate != "no") return invalid("the URL's parameter migrate has to be yes or no");
  const std::string limit = take_parameter(rest, "step_connections").value_or("4");
  std::size_t step_connections = 0;
  const auto [end, problem] = std::from_chars(limit.data(), limit.data() + limit.size(), step_connections);
  if (problem != std::errc() || end != limit.data() + limit.size() || step_connections < 1 || step_connections > 1000) {
    return invalid("the URL's parameter step_connections has to be a number from 1 to 1,000");
  }
  return target{.url = std::move(rest),
                .tables = *std::move(tables),
                .migrate = migrate == "yes",
                .step_connections = step_connections};
}

}  // namespace squid_mesh::storage::postgres
