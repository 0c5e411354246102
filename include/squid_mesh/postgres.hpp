// squid_mesh/postgres.hpp - the host's own transactions on PostgreSQL, through libpq. To be included where it is
// needed: nothing else of the library shows a database's header.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/step_context.hpp>
#include <squid_mesh/transaction.hpp>

#include <libpq-fe.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::postgres {

/// A transaction on PostgreSQL, however it is reached. What a host implements that uses another client library.
class transaction : public squid_mesh::transaction {
 public:
  /// One row of a result, as text; NULL is empty.
  using row = std::vector<std::string>;

  /// Runs one statement in the transaction and returns its rows. `values` are its parameters in PostgreSQL's binary
  /// format, their types left to the server.
  virtual result<std::vector<row>> execute(const std::string& sql,
                                           std::span<const std::optional<std::string>> values) = 0;
};

/// The transaction that is open on a connection of the host's, which has to be in blocking mode and not in a pipeline.
///
/// ```cpp
/// PQexec(connection, "BEGIN");
/// // ... the host's own statements ...
/// sm::postgres::connection_transaction tx(connection);
/// auto run = mesh.start_run(tx, "orders.ship", {{"order", 17}});
/// PQexec(connection, run ? "COMMIT" : "ROLLBACK");
/// ```
class connection_transaction final : public transaction {
 public:
  /// The connection outlives this object, which never commits or rolls back.
  explicit connection_transaction(PGconn* connection) : connection_(connection) {}

  /// `conflict` where no transaction is open, or where one has failed already.
  result<std::vector<row>> execute(const std::string& sql, std::span<const std::optional<std::string>> values) override;

  [[nodiscard]] PGconn* connection() const { return connection_; }

 private:
  PGconn* connection_;
};

/// In a step that is declared transactional, on PostgreSQL: the connection on which the step's end will be committed.
/// What the step writes there, its completion and the start of its successor are one transaction. The step must not end
/// it. Throws `std::logic_error` in other steps; the engine reports that as a failure of the step.
PGconn* connection(step_context& context);

}  // namespace squid_mesh::inline v1::postgres
#pragma GCC visibility pop
