// What a request must look like before anything is sent.
#pragma once

#include <squid_mesh/http.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace squid_mesh::inline v1::http {

/// Why a request is refused, its URL aside; nullopt for a good one.
std::optional<std::string> refusal(const request& what);

/// Whether the request has a header of this name, given in lower case.
bool has_header(const request& what, std::string_view name);

}  // namespace squid_mesh::inline v1::http
