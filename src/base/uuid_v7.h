// Making ids: the only place where the library invents an identity.
#pragma once

#include "base/random.h"

#include <squid_mesh/ids.hpp>
#include <squid_mesh/time.hpp>

namespace squid_mesh::inline v1 {

/// A new UUIDv7 (RFC 9562) of this instant.
uuid make_uuid_v7(time_point now, random_source& random);

/// The lowest UUIDv7 of this instant: those of earlier ones are below it, and no other of this one or a later one is.
/// Of instants that no UUIDv7 can say: of the nearest one that it can.
uuid first_uuid_v7(time_point at);

}  // namespace squid_mesh::inline v1
