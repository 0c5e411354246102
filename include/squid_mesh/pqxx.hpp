// squid_mesh/pqxx.hpp - the host's own transactions on PostgreSQL, through libpqxx. Needs libpqxx 6.4 where it is
// included; the library itself doesn't.
#pragma once

#include <squid_mesh/postgres.hpp>

#include <pqxx/pqxx>

#include <exception>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::postgres {

/// A `pqxx::work`, or another transaction of libpqxx.
///
/// ```cpp
/// pqxx::work work(connection);
/// sm::postgres::pqxx_transaction tx(work);
/// auto run = mesh.start_run(tx, "orders.ship", {{"order", 17}});
/// if (run) work.commit();
/// ```
class pqxx_transaction final : public transaction {
 public:
  /// The transaction outlives this object, which never commits or aborts.
  explicit pqxx_transaction(pqxx::transaction_base& work) : work_(work) {}

  result<std::vector<row>> execute(const std::string& sql,
                                   std::span<const std::optional<std::string>> values) override {
    try {
      std::vector<pqxx::binarystring> bytes;
      for (const auto& value : values) bytes.emplace_back(value.value_or(std::string()));
      std::vector<row> rows;
      for (const auto& found : work_.exec_params(sql, pqxx::prepare::make_dynamic_params(bytes))) {
        row& made = rows.emplace_back();
        for (const auto& field : found) made.emplace_back(field.is_null() ? "" : field.c_str());
      }
      return rows;
    } catch (const std::exception& e) {
      return std::unexpected(error{.code = errc::storage, .message = e.what()});
    }
  }

 private:
  pqxx::transaction_base& work_;
};

}  // namespace squid_mesh::inline v1::postgres
#pragma GCC visibility pop
