#include "tools/http/url.h"

#include "tools/http/ascii.h"

#include <array>
#include <new>
#include <utility>

namespace squid_mesh::inline v1::http {
namespace {

/// Percent-encodes every byte that RFC 3986 doesn't call unreserved.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    if (unreserved.contains(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', digits[byte >> 4U], digits[byte & 0xFU]};
    }
  }
  return encoded;
}

url_handle required(CURLU* handle) {
  if (handle == nullptr) throw std::bad_alloc();
  return url_handle(handle);
}

}  // namespace

std::expected<url, std::string> url::parse(const std::string& text) { return checked(required(curl_url()), text); }

std::expected<url, std::string> url::resolve(const std::string& location) const {
  return checked(required(curl_url_dup(handle_.get())), location);
}

std::expected<url, std::string> url::checked(url_handle handle, const std::string& text) {
  // libcurl would stop reading at a NUL.
  if (text.contains('\0')) return std::unexpected("a NUL in the URL");
  const CURLUcode code = curl_url_set(handle.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME);
  if (code != CURLUE_OK) return std::unexpected(curl_url_strerror(code));
  url parsed(std::move(handle));
  const std::string scheme = parsed.part(CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return std::unexpected("only http and https URLs are accepted");
  return parsed;
}

void url::append_query(std::string_view name, std::string_view value) {
  const std::string pair = percent_encoded(name) + '=' + percent_encoded(value);
  if (curl_url_set(handle_.get(), CURLUPART_QUERY, pair.c_str(), CURLU_APPENDQUERY) != CURLUE_OK) {
    throw std::bad_alloc();
  }
}

std::string url::text() const { return part(CURLUPART_URL); }

std::string url::host() const {
  const std::string port = part(CURLUPART_PORT);
  return part(CURLUPART_HOST) + (port.empty() ? "" : ":" + port);
}

std::string url::origin() const {
  return part(CURLUPART_SCHEME) + "://" + to_lower(part(CURLUPART_HOST)) + ":" +
         part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

std::string url::part(CURLUPart which, unsigned flags) const {
  char* text = nullptr;
  if (curl_url_get(handle_.get(), which, &text, flags) != CURLUE_OK) return {};
  const curl_text owned(text);
  return owned.get();
}

}  // namespace squid_mesh::inline v1::http
