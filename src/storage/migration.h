#pragma once

namespace squid_mesh::storage {

/// One numbered step of a schema, as SQL. They are files, compiled in.
struct migration {
  int version;
  const char* name;
  const char* sql;
};

}  // namespace squid_mesh::storage
