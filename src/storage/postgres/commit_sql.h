// Commits as set-based statements: however many there are, the server is asked once.
#pragma once

#include "model/commit.h"
#include "storage/postgres/connection.h"
#include "storage/postgres/target.h"

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::postgres {

/// Commits of which no two are about the same run or job, so that one statement can apply them all.
struct wave {
  std::vector<const commit*> commits;
  std::vector<std::size_t> places;  ///< of each, among all that were given
  bool is_trusted = false;          ///< all are expected to pass their fences: the statement fails if one doesn't
};

enum class trust {
  none,
  /// Commits whose fences hardly ever refuse them are waves of their own, whose statements are cheaper.
  likely,
};

/// Commits in waves, each run's and each job's in the order given.
std::vector<wave> in_waves(std::span<const commit* const> commits, trust how);

/// The one row that a wave's statement returns; see `commit_text`.
struct wave_answer {
  std::string_view applied;
  std::string_view changed;
  std::string_view ids;
};

/// Spells waves. Safe to use from several threads.
class commit_speller {
 public:
  explicit commit_speller(schema tables) : tables_(std::move(tables)) {}

  /// The statement that applies a wave, each of its commits whole or not at all. Its results are for `read`.
  /// The statement lives as long as the speller.
  request spell(const wave& what, time_point now);

  /// Puts what became of a wave's commits in their places. Throws std::exception for an answer to another statement.
  static void read(const wave& asked, const wave_answer& answer, std::vector<commit_outcome>& outcomes);

 private:
  const statement& statement_for(unsigned parts);

  const schema tables_;
  std::mutex mutex_;
  std::map<unsigned, std::unique_ptr<const statement>> statements_;  ///< by what a wave has in it
};

}  // namespace squid_mesh::storage::postgres
