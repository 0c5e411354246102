// Absolute http and https URLs, read by libcurl's own parser so that what is checked is what is used.
#pragma once

#include "tools/http/curl_handles.h"

#include <expected>
#include <string>
#include <string_view>

namespace squid_mesh::inline v1::http {

class url {
 public:
  /// The error says why a text is no such URL; it doesn't repeat the text, which may hold secrets.
  static std::expected<url, std::string> parse(const std::string& text);

  /// Where a redirect with this Location header leads. The fragment and the user are kept only as RFC 3986 says.
  [[nodiscard]] std::expected<url, std::string> resolve(const std::string& location) const;

  /// Appends `name=value`, both percent-encoded, to the query.
  void append_query(std::string_view name, std::string_view value);

  [[nodiscard]] std::string text() const;
  /// The host, with the port where the URL has one: what messages may name.
  [[nodiscard]] std::string host() const;
  /// Scheme, host and port, comparable.
  [[nodiscard]] std::string origin() const;

 private:
  explicit url(url_handle handle) : handle_(std::move(handle)) {}

  static std::expected<url, std::string> checked(url_handle handle, const std::string& text);
  /// A part of the URL; empty where it has none.
  [[nodiscard]] std::string part(CURLUPart which, unsigned flags = 0) const;

  url_handle handle_;
};

}  // namespace squid_mesh::inline v1::http
