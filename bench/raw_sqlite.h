// What SQLite itself can do on this machine: the limit that the engine's figures are measured against.
#pragma once

#include <cstddef>
#include <string>

namespace squid_mesh::bench {

struct raw_limits {
  double commits_per_s = 0;  ///< single small rows, one transaction each
  double steps_per_s = 0;    ///< the engine's row writes for 5-step runs, by hand, 100 steps' worth in a transaction
};

/// Measures in a new database file with the engine's own schema and durability: WAL, synchronous=FULL.
raw_limits measure_raw_sqlite(const std::string& path, std::size_t commits, std::size_t runs);

}  // namespace squid_mesh::bench
