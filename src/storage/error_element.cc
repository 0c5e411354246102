#include "storage/error_element.h"

#include <squid_mesh/json.hpp>

namespace squid_mesh::storage {

std::string error_element(int attempt, time_point now, std::string_view reason) {
  return json{{"attempt", attempt}, {"at", to_string(now)}, {"error", reason}}.dump(-1, ' ', false,
                                                                                    json::error_handler_t::replace);
}

}  // namespace squid_mesh::storage
