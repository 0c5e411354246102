// What a PostgreSQL URL of ours says: libpq's URL, and the parameters that are our own.
#pragma once

#include <squid_mesh/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace squid_mesh::storage::postgres {

/// The PostgreSQL schema that holds the tables (Oban calls it the prefix).
class schema {
 public:
  /// 1 to 63 letters, digits and underscores, not beginning with a digit.
  static result<schema> named(std::string name);

  [[nodiscard]] const std::string& name() const { return name_; }
  /// SQL with every `@name` turned into a name in this schema: `@oban_jobs` into `"public".oban_jobs`.
  [[nodiscard]] std::string spell(std::string_view sql) const;

 private:
  explicit schema(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

struct target {
  std::string url;  ///< for libpq
  schema tables;
  bool migrate = true;
  std::size_t step_connections = 4;  ///< for transactional steps, at most
};

/// Reads `postgresql://...` with the parameters `schema=NAME` (default `public`), `migrate=yes|no` (default `yes`)
/// and `step_connections=N` (default 4) taken out. Never repeats the URL, which may hold a password.
result<target> parse_target(std::string_view url);

}  // namespace squid_mesh::storage::postgres
