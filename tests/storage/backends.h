// The backends that the contract of the store is tested on.
#pragma once

#include "storage/postgres_database.h"
#include "storage/sqlite_database.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace squid_mesh::testing {

inline auto all_backends() {
  return ::testing::Values(backend{"sqlite_file", [] { return std::make_unique<sqlite_file>(); }},
                           backend{"sqlite_memory", [] { return std::make_unique<sqlite_memory>(); }},
                           backend{"postgres", [] { return std::make_unique<postgres_database>(); }});
}

inline std::string backend_name(const ::testing::TestParamInfo<backend>& tested) { return tested.param.name; }

}  // namespace squid_mesh::testing
