// PostgreSQL for tests: a schema of its own in the cluster that tests share.
#pragma once

#include "storage/database.h"
#include "storage/postgres/migrations.h"
#include "support/postgres_connection.h"
#include "support/postgres_server.h"

#include <gtest/gtest.h>

#include <exception>
#include <string>

namespace squid_mesh::testing {

class postgres_database : public test_database {
 public:
  postgres_database() { others_.execute("DROP SCHEMA IF EXISTS " + schema_ + " CASCADE; CREATE SCHEMA " + schema_); }
  postgres_database(const postgres_database&) = delete;
  postgres_database& operator=(const postgres_database&) = delete;
  ~postgres_database() override {
    try {
      others_.execute("SET lock_timeout = '10s'; DROP SCHEMA " + schema_ + " CASCADE");
    } catch (const std::exception& error) {
      ADD_FAILURE() << "something still uses the database of the test: " << error.what();
    }
  }

  [[nodiscard]] std::string url() const override { return postgres_url(shared_cluster(), "schema=" + schema_); }
  void execute(const std::string& sql) override { others_.execute(sql); }
  std::string query(const std::string& sql) override { return others_.query(sql); }
  void migrate_to(int version) override {
    const auto tables = storage::postgres::schema::named(schema_).value();
    for (const storage::migration& next : storage::postgres::all_migrations()) {
      if (next.version <= version) execute(storage::postgres::script_of(next, tables));
    }
  }
  [[nodiscard]] std::string spell(const run_id& id) const override { return "'" + to_string(id) + "'"; }
  [[nodiscard]] std::string spell(time_point instant) const override { return "'" + to_string(instant) + "'"; }
  [[nodiscard]] const std::string& schema() const { return schema_; }

 private:
  const std::string schema_ = unique_name();
  postgres_connection others_{postgres_url(shared_cluster(), "options=-csearch_path%3D" + schema_)};
};

}  // namespace squid_mesh::testing
