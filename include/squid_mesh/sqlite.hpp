// squid_mesh/sqlite.hpp - the host's own transactions on SQLite. To be included where it is needed: nothing else of the
// library shows a database's header.
#pragma once

#include <squid_mesh/step_context.hpp>
#include <squid_mesh/transaction.hpp>

#include <sqlite3.h>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::sqlite {

/// The transaction that is open on a connection of the host's to the mesh's database file: begin it with
/// `BEGIN IMMEDIATE`, since it is going to write.
class connection_transaction final : public transaction {
 public:
  /// The connection outlives this object, which never commits or rolls back.
  explicit connection_transaction(sqlite3* connection) : connection_(connection) {}
  [[nodiscard]] sqlite3* connection() const { return connection_; }

 private:
  sqlite3* connection_;
};

/// In a step that is declared transactional, on SQLite: the connection on which the step's end will be committed. What
/// the step writes there, its completion and the start of its successor are one transaction. The step must not end it,
/// and should be short: nobody else can write to the file meanwhile, this process's other workers included. Throws
/// `std::logic_error` in other steps; the engine reports that as a failure of the step.
sqlite3* connection(step_context& context);

}  // namespace squid_mesh::inline v1::sqlite
#pragma GCC visibility pop
