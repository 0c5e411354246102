// What has to hold when the chaos is over.
#pragma once

#include "support/postgres_connection.h"

#include <squid_mesh/squid_mesh.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace squid_mesh::testing::chaos {

/// How many attempts ended in which way.
using tally = std::map<attempt_status, std::size_t>;

/// Waits until all runs have ended and no job is left, for as long as anything changes. Whether they have.
bool all_end(postgres_connection& database);

/// The rows by which people see what is left: of runs, jobs and nodes.
std::string what_is_left(postgres_connection& database);

/// Looks at every run, beside what the host's tables say, and at the tables themselves. There has to be one run of each
/// number below `numbers`. What is wrong is a failure of the test; the first few are shown in full.
tally check_everything(const mesh& where, postgres_connection& database, std::int64_t numbers);

}  // namespace squid_mesh::testing::chaos
