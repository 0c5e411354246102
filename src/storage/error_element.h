#pragma once

#include <squid_mesh/time.hpp>

#include <string>
#include <string_view>

namespace squid_mesh::storage {

/// One element of a job's `errors`, in Oban's form, as JSON text. Bytes that are no UTF-8 are replaced.
std::string error_element(int attempt, time_point now, std::string_view reason);

}  // namespace squid_mesh::storage
