// A connection to PostgreSQL that is the test's own, apart from those of the library.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace squid_mesh::testing {

/// For one thread. What the server refuses is thrown, as std::runtime_error with the server's words.
class postgres_connection {
 public:
  explicit postgres_connection(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
    PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
  }

  /// Runs statements; several are one transaction.
  void execute(const std::string& sql) { run(sql); }

  /// The first column of all rows, as text with commas between. NULL is empty.
  std::string query(const std::string& sql) {
    const result_handle rows = run(sql);
    std::string text;
    for (int row = 0; row < PQntuples(rows.get()); ++row) {
      if (row > 0) text += ',';
      text += PQgetvalue(rows.get(), row, 0);
    }
    return text;
  }

 private:
  struct closer {
    void operator()(PGconn* connection) const { PQfinish(connection); }
    void operator()(PGresult* rows) const { PQclear(rows); }
  };
  using result_handle = std::unique_ptr<PGresult, closer>;

  result_handle run(const std::string& sql) {
    result_handle rows(PQexec(connection_.get(), sql.c_str()));
    const ExecStatusType status = PQresultStatus(rows.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      throw std::runtime_error(PQerrorMessage(connection_.get()) + sql);
    }
    return rows;
  }

  std::unique_ptr<PGconn, closer> connection_;
};

}  // namespace squid_mesh::testing
