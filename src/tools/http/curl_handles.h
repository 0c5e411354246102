// Owners of what libcurl allocates.
#pragma once

#include <curl/curl.h>

#include <memory>

namespace squid_mesh::inline v1::http {

struct curl_deleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(char* text) const { curl_free(text); }
};

/// Its own type, because CURL and CURLM are both `void`.
struct multi_deleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

using easy_handle = std::unique_ptr<CURL, curl_deleter>;
using multi_handle = std::unique_ptr<CURLM, multi_deleter>;
using url_handle = std::unique_ptr<CURLU, curl_deleter>;
using header_list = std::unique_ptr<curl_slist, curl_deleter>;
using curl_text = std::unique_ptr<char, curl_deleter>;

}  // namespace squid_mesh::inline v1::http
