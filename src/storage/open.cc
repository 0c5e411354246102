#include "storage/open.h"

#include "storage/postgres/postgres_store.h"
#include "storage/sqlite/sqlite_store.h"

#include <string>

namespace squid_mesh::storage {

result<std::unique_ptr<store>> open(std::string_view url) {
  constexpr std::string_view sqlite_scheme = "sqlite:";
  if (url.starts_with(sqlite_scheme) && url.size() > sqlite_scheme.size()) {
    return sqlite::open_store(std::string(url.substr(sqlite_scheme.size())));
  }
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
    const auto where = postgres::parse_target(url);
    if (!where) return std::unexpected(where.error());
    return postgres::open_store(*where);
  }
  // The URL may hold a password: only its scheme is repeated.
  return std::unexpected(
      error{.code = errc::invalid_argument,
            .message = "the database URL has to be sqlite:PATH or postgresql://...; this one begins with \"" +
                       std::string(url.substr(0, url.find(':'))) + "\""});
}

}  // namespace squid_mesh::storage
