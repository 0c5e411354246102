// A database for one test, whatever the backend: several stores may be opened on it, as several processes would.
#pragma once

#include "storage/open.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>

namespace squid_mesh::testing {

class test_database {
 public:
  test_database() = default;
  test_database(const test_database&) = delete;
  test_database& operator=(const test_database&) = delete;
  virtual ~test_database() = default;

  [[nodiscard]] virtual std::string url() const = 0;
  /// Runs SQL as another program would.
  virtual void execute(const std::string& sql) = 0;
  /// The first column of all rows, as text with commas between.
  virtual std::string query(const std::string& sql) = 0;

  /// Makes the schema as it was in this version, in a new database.
  virtual void migrate_to(int version) = 0;
  /// A value as the tables of runs hold it, in SQL.
  [[nodiscard]] virtual std::string spell(const run_id& id) const = 0;
  [[nodiscard]] virtual std::string spell(time_point instant) const = 0;

  [[nodiscard]] std::unique_ptr<storage::store> open() const {
    auto opened = storage::open(url());
    if (!opened) throw std::runtime_error(to_string(opened.error()));
    return *std::move(opened);
  }
};

/// A name that no other test uses.
inline std::string unique_name() {
  static std::atomic<int> last = 0;
  return "squid_mesh_test_" + std::to_string(::getpid()) + "_" + std::to_string(++last);
}

/// A backend under test.
struct backend {
  const char* name;
  std::function<std::unique_ptr<test_database>()> make;
};
/// For the messages of GoogleTest.
inline void PrintTo(const backend& tested, std::ostream* out) { *out << tested.name; }

}  // namespace squid_mesh::testing
