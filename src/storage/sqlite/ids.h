// Ids as the tables have them: runs' as blobs, jobs' as numbers.
#pragma once

#include <squid_mesh/ids.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

namespace squid_mesh::storage::sqlite {

inline std::span<const std::uint8_t> blob_of(const run_id& id) { return id.value.bytes; }

inline run_id to_run_id(std::span<const std::uint8_t> blob) {
  run_id id;
  if (blob.size() == id.value.bytes.size()) std::ranges::copy(blob, id.value.bytes.begin());
  return id;
}

inline std::optional<std::int64_t> number_of(const std::optional<job_id>& job) {
  return job ? std::optional(job->value) : std::nullopt;
}

}  // namespace squid_mesh::storage::sqlite
