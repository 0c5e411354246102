// SQLite for tests: as a file, and in memory.
#pragma once

#include "storage/database.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/migrations.h"

namespace squid_mesh::testing {

class sqlite_database : public test_database {
 public:
  /// A path or a `file:` URI.
  explicit sqlite_database(std::string path) : path_(std::move(path)), others_(path_) {}

  [[nodiscard]] std::string url() const override { return "sqlite:" + path_; }
  void execute(const std::string& sql) override { others_.execute(sql.c_str()); }
  std::string query(const std::string& sql) override {
    storage::sqlite::statement rows(others_, {"query", sql.c_str()});
    std::string text;
    for (bool first = true; rows.next(); first = false) {
      if (!first) text += ',';
      text += rows.text(0);
    }
    return text;
  }
  void migrate_to(int version) override {
    execute("CREATE TABLE squid_mesh_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL)");
    for (const storage::migration& next : storage::sqlite::all_migrations()) {
      if (next.version > version) continue;
      execute(next.sql);
      execute("INSERT INTO squid_mesh_migrations VALUES (" + std::to_string(next.version) + ", '" + next.name + "')");
    }
  }
  [[nodiscard]] std::string spell(const run_id& id) const override {
    std::string digits = to_string(id);
    std::erase(digits, '-');
    return "x'" + digits + "'";
  }
  [[nodiscard]] std::string spell(time_point instant) const override {
    return std::to_string(instant.time_since_epoch().count());
  }

 private:
  std::string path_;
  storage::sqlite::connection others_;
};

class temporary_file {
 public:
  temporary_file() : path_(std::filesystem::temp_directory_path() / (unique_name() + ".db")) {}
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_.string() + suffix, ignored_);
  }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
  std::error_code ignored_;
};

/// The file goes when its last connection has.
class sqlite_file : private temporary_file, public sqlite_database {
 public:
  sqlite_file() : sqlite_database(temporary_file::path()) {}
};

class sqlite_memory : public sqlite_database {
 public:
  sqlite_memory() : sqlite_database("file:/" + unique_name() + "?vfs=memdb") {}
};

}  // namespace squid_mesh::testing
