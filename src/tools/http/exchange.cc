#include "tools/http/exchange.h"

#include "tools/http/ascii.h"
#include "tools/http/curl_handles.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>

namespace squid_mesh::inline v1::http {
namespace {

/// Where libcurl writes to while the exchange goes on.
struct sink {
  std::string body;
  std::size_t max_bytes = 0;
  bool is_cut = false;
  std::array<char, CURL_ERROR_SIZE> error{};
};

std::size_t take_body(const char* data, std::size_t /*always_one*/, std::size_t size, void* to) noexcept {
  sink& into = *static_cast<sink*>(to);
  const std::size_t room = into.max_bytes - into.body.size();
  into.body.append(data, std::min(size, room));
  into.is_cut = size > room;
  return into.is_cut ? 0 : size;
}

/// libcurl takes at most what an int holds.
long to_curl_time(milliseconds time) {
  return static_cast<long>(std::clamp<std::int64_t>(time.count(), 1, std::numeric_limits<int>::max()));
}

bool needs_body(const hop& what) {
  return !what.body.empty() || what.method == "POST" || what.method == "PUT" || what.method == "PATCH";
}

void set_method_and_body(CURL* easy, const hop& what) {
  if (what.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (needs_body(what)) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, what.body.data());
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, what.method.c_str());
}

void append(header_list& list, const std::string& line) {
  curl_slist* first = curl_slist_append(list.get(), line.c_str());
  if (first == nullptr) throw std::bad_alloc();
  if (list == nullptr) list.reset(first);
}

/// In libcurl's spelling, in which `name:` takes a header of its own away and `name;` sends one without a value.
header_list curl_headers(const hop& what) {
  header_list list;
  bool has_content_type = false;
  for (const auto& [name, value] : what.headers) {
    const bool is_blank = value.find_first_not_of(" \t") == std::string::npos;
    append(list, std::string(name).append(is_blank ? ";" : ": ").append(is_blank ? "" : value));
    has_content_type = has_content_type || to_lower(name) == "content-type";
  }
  if (!has_content_type) append(list, "content-type:");
  append(list, "expect:");
  return list;
}

void set_options(CURL* easy, const hop& what, const limits& within) {
  const auto left = std::chrono::ceil<milliseconds>(within.deadline - std::chrono::steady_clock::now());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_URL, what.target.text().c_str());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "squid-mesh");
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, to_curl_time(within.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, to_curl_time(left));
  // Giving up must not wait for a name server that doesn't answer.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  set_method_and_body(easy, what);
}

/// Runs the transfer; nullopt where a stop ended it.
std::optional<CURLcode> run(CURL* easy, const std::stop_token& stop) {
  const multi_handle multi(curl_multi_init());
  if (multi == nullptr || curl_multi_add_handle(multi.get(), easy) != CURLM_OK) throw std::bad_alloc();
  const std::stop_callback wake(stop, [&] { curl_multi_wakeup(multi.get()); });
  int running = 1;
  CURLMcode driven = CURLM_OK;
  while (running > 0 && driven == CURLM_OK && !stop.stop_requested()) {
    driven = curl_multi_perform(multi.get(), &running);
    if (running > 0 && driven == CURLM_OK) driven = curl_multi_poll(multi.get(), nullptr, 0, 60'000, nullptr);
  }
  std::optional<CURLcode> code;
  int queued = 0;
  if (const CURLMsg* message = curl_multi_info_read(multi.get(), &queued)) {
    code = message->data.result;  // NOLINT(cppcoreguidelines-pro-type-union-access): libcurl's own interface.
  }
  if (driven != CURLM_OK) code = CURLE_FAILED_INIT;
  curl_multi_remove_handle(multi.get(), easy);
  return code;
}

http::response read_response(CURL* easy, std::string body) {
  http::response answer{.body = std::move(body)};
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  curl_header* header = nullptr;
  while ((header = curl_easy_nextheader(easy, CURLH_HEADER, -1, header)) != nullptr) {
    const auto [at, is_first] = answer.headers.try_emplace(to_lower(header->name), header->value);
    if (!is_first) at->second.append(", ").append(header->value);
  }
  return answer;
}

enum class failure { timeout, tls, request, memory, connection };

failure classify(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return failure::timeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED:
      return failure::tls;
    case CURLE_URL_MALFORMAT:
      return failure::request;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
      return failure::memory;
    default:
      return failure::connection;
  }
}

/// Whether libcurl's own text about it speaks of hosts, ports, times and certificates alone. Others may quote a URL.
bool is_harmless(CURLcode code) {
  // The URL has been checked, so its protocol is supported: this one is about an answer that is not HTTP.
  return code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
         classify(code) == failure::tls || classify(code) == failure::timeout;
}

error to_error(const hop& what, CURLcode code, const sink& written) {
  const std::string reason =
      is_harmless(code) && written.error.front() != '\0' ? written.error.data() : curl_easy_strerror(code);
  switch (classify(code)) {
    case failure::timeout:
      return hop_error(what, errc::timeout, "timeout", reason);
    case failure::tls:
      return hop_error(what, errc::step_failed, "tls", reason);
    case failure::request:
      return hop_error(what, errc::invalid_argument, "invalid_request", reason);
    case failure::memory:
      return hop_error(what, errc::internal, "", reason);
    case failure::connection:
      break;
  }
  return hop_error(what, errc::unavailable, "connection", reason);
}

}  // namespace

error hop_error(const hop& what, errc code, std::string kind, const std::string& reason) {
  return {.code = code,
          .message = what.method + " " + what.target.host() + ": " + reason,
          .kind = std::move(kind),
          .retryable = code == errc::timeout || code == errc::unavailable || code == errc::interrupted};
}

result<answer> exchange(const hop& what, const limits& within, const std::stop_token& stop) {
  if (within.deadline <= std::chrono::steady_clock::now()) {
    return std::unexpected(hop_error(what, errc::timeout, "timeout", "the time allowed has passed"));
  }
  const easy_handle easy(curl_easy_init());
  if (easy == nullptr) throw std::bad_alloc();
  sink written{.max_bytes = within.max_response_bytes};
  const header_list headers = curl_headers(what);
  set_options(easy.get(), what, within);
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &take_body);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &written);
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, written.error.data());
  const auto code = run(easy.get(), stop);
  if (!code) return std::unexpected(hop_error(what, errc::interrupted, "", "stopped before the answer"));
  if (*code != CURLE_OK && !written.is_cut) return std::unexpected(to_error(what, *code, written));
  return answer{.response = read_response(easy.get(), std::move(written.body)), .is_cut = written.is_cut};
}

}  // namespace squid_mesh::inline v1::http
