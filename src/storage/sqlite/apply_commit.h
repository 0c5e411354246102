// What a commit changes, statement by statement.
#pragma once

#include "model/commit.h"
#include "storage/sqlite/writers.h"

#include <squid_mesh/time.hpp>

namespace squid_mesh::storage::sqlite {

/// Applies a commit, in an open transaction.
commit_outcome apply(writers& to, const commit& what, time_point now);

}  // namespace squid_mesh::storage::sqlite
