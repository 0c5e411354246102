// How a journal that can't be is reported.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/ids.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace squid_mesh::inline v1 {

inline std::unexpected<error> damaged(const run_id& id, std::int64_t seq, std::string_view what) {
  return std::unexpected(error{.code = errc::storage,
                               .message = "the journal of run " + to_string(id) + " is damaged at " +
                                          std::to_string(seq) + ": " + std::string(what)});
}

}  // namespace squid_mesh::inline v1
