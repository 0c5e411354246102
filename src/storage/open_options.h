#pragma once

namespace squid_mesh::storage {

struct open_options {
  /// Otherwise a schema that isn't up to date is refused, and a SQLite file that isn't there is not made.
  bool migrate = true;
};

}  // namespace squid_mesh::storage
