// The public side of transactions on PostgreSQL.
#include "storage/postgres/connection.h"

#include <squid_mesh/postgres.hpp>

#include <memory>
#include <stdexcept>

namespace squid_mesh::inline v1::postgres {
namespace {

struct closer {
  void operator()(PGresult* made) const { PQclear(made); }
};
using owned_result = std::unique_ptr<PGresult, closer>;

std::vector<transaction::row> rows_of(const PGresult* found) {
  std::vector<transaction::row> rows;
  for (int row = 0; row < PQntuples(found); ++row) {
    transaction::row& made = rows.emplace_back();
    for (int column = 0; column < PQnfields(found); ++column) made.emplace_back(PQgetvalue(found, row, column));
  }
  return rows;
}

}  // namespace

result<std::vector<transaction::row>> connection_transaction::execute(
    const std::string& sql, std::span<const std::optional<std::string>> values) {
  if (PQtransactionStatus(connection_) != PQTRANS_INTRANS) {
    return std::unexpected(error{.code = errc::conflict, .message = "the connection has no open transaction"});
  }
  std::vector<const char*> bytes;
  std::vector<int> lengths;
  for (const auto& value : values) {
    bytes.push_back(value ? value->data() : nullptr);
    lengths.push_back(value ? static_cast<int>(value->size()) : 0);
  }
  const std::vector<int> formats(values.size(), 1);
  const owned_result found(PQexecParams(connection_, sql.c_str(), static_cast<int>(values.size()), nullptr,
                                        bytes.data(), lengths.data(), formats.data(), 0));
  const ExecStatusType status = PQresultStatus(found.get());
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return rows_of(found.get());
  return std::unexpected(storage::postgres::to_error(storage::postgres::refusal_in(found.get()), false));
}

PGconn* connection(step_context& context) {
  auto* const within = dynamic_cast<connection_transaction*>(context.transaction());
  if (within == nullptr) {
    throw std::logic_error("step " + std::string(context.step()) +
                           " is not declared transactional, or the database is not PostgreSQL");
  }
  return within->connection();
}

}  // namespace squid_mesh::inline v1::postgres
