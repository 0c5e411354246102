// squid_mesh/transaction.hpp - writing in a transaction of the host's.
#pragma once

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// An open transaction on the database of a mesh or of a job engine, in which the library may write: what it writes
/// commits or rolls back together with what the host writes.
///
/// <squid_mesh/postgres.hpp>, <squid_mesh/pqxx.hpp> and <squid_mesh/sqlite.hpp> make one of a connection of the host's.
/// Used by one thread at a time, as the connection is.
class transaction {
 public:
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  virtual ~transaction() = default;

 protected:
  transaction() = default;
};

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
