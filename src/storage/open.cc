#include "storage/open.h"

#include "storage/postgres/migrations.h"
#include "storage/postgres/postgres_store.h"
#include "storage/sqlite/migrations.h"
#include "storage/sqlite/sqlite_store.h"

#include <optional>
#include <span>
#include <string>
#include <utility>

namespace squid_mesh::storage {
namespace {

/// Nothing for a URL that isn't of SQLite.
std::optional<std::string> sqlite_path(std::string_view url) {
  constexpr std::string_view scheme = "sqlite:";
  if (!url.starts_with(scheme) || url.size() == scheme.size()) return std::nullopt;
  return std::string(url.substr(scheme.size()));
}

/// Calls the one that fits the URL.
template <class Sqlite, class Postgres>
auto on_backend(std::string_view url, Sqlite&& sqlite, Postgres&& postgres) -> decltype(sqlite(std::string())) {
  if (const auto path = sqlite_path(url)) {
    if (*path != ":memory:") return sqlite(*path);
    return std::unexpected(error{.code = errc::invalid_argument,
                                 .message = "sqlite::memory: can't be used: the library reads and writes by two "
                                            "connections, and each would have a memory of its own. Use a file"});
  }
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
    const auto where = postgres::parse_target(url);
    if (!where) return std::unexpected(where.error());
    return postgres(*where);
  }
  // The URL may hold a password: only its scheme is repeated.
  return std::unexpected(
      error{.code = errc::invalid_argument,
            .message = "the database URL has to be sqlite:PATH or postgresql://...; this one begins with \"" +
                       std::string(url.substr(0, url.find(':'))) + "\""});
}

result<schema_status> status_of(const result<int>& present, std::span<const migration> all) {
  if (!present) return std::unexpected(present.error());
  schema_status status{.present = *present, .wanted = all.back().version, .missing = {}};
  for (const migration& each : all) {
    if (each.version > *present) status.missing.emplace_back(each.name);
  }
  return status;
}

template <class Script>
std::vector<schema_migration> scripts_of(std::span<const migration> all, Script&& script_of) {
  std::vector<schema_migration> steps;
  for (const migration& each : all) {
    steps.push_back({.version = each.version, .name = each.name, .sql = script_of(each)});
  }
  return steps;
}

}  // namespace

result<std::unique_ptr<store>> open(std::string_view url, const open_options& how) {
  return on_backend(
      url, [&](const std::string& path) { return sqlite::open_store(path, how); },
      [&](postgres::target where) {
        where.migrate = where.migrate && how.migrate;
        return postgres::open_store(where);
      });
}

result<schema_status> read_schema(std::string_view url) {
  return on_backend(
      url, [](const std::string& path) { return status_of(sqlite::read_version(path), sqlite::all_migrations()); },
      [](const postgres::target& where) {
        return status_of(postgres::read_version(where), postgres::all_migrations());
      });
}

result<std::vector<schema_migration>> list_migrations(std::string_view url) {
  return on_backend(
      url,
      [](const std::string&) -> result<std::vector<schema_migration>> {
        return scripts_of(sqlite::all_migrations(), sqlite::script_of);
      },
      [](const postgres::target& where) -> result<std::vector<schema_migration>> {
        return scripts_of(postgres::all_migrations(),
                          [&](const migration& each) { return postgres::script_of(each, where.tables); });
      });
}

}  // namespace squid_mesh::storage
