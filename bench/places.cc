#include "places.h"

#include "postgres_session.h"

#include <unistd.h>

#include <exception>
#include <iostream>
#include <utility>

namespace squid_mesh::bench {
namespace {

/// A name that no other place has.
std::string new_name() {
  static int count = 0;
  return "squid_mesh_bench_" + std::to_string(getpid()) + "_" + std::to_string(++count);
}

class sqlite_place final : public place {
 public:
  explicit sqlite_place(const std::filesystem::path& directory) : file_((directory / (new_name() + ".db")).string()) {}
  sqlite_place(const sqlite_place&) = delete;
  sqlite_place& operator=(const sqlite_place&) = delete;
  ~sqlite_place() override {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file_ + suffix, ignored);
  }

  [[nodiscard]] std::string url() const override { return "sqlite:" + file_; }
  [[nodiscard]] raw_limits measure_raw(const raw_amounts& amounts) const override {
    return measure_raw_sqlite(file_, amounts);
  }

 private:
  const std::string file_;
};

class postgres_place final : public place {
 public:
  explicit postgres_place(std::string server) : server_(std::move(server)), schema_(new_name()) {}
  postgres_place(const postgres_place&) = delete;
  postgres_place& operator=(const postgres_place&) = delete;
  ~postgres_place() override {
    try {
      postgres_session(server_).execute("DROP SCHEMA IF EXISTS " + schema_ + " CASCADE");
    } catch (const std::exception& e) {
      std::cerr << "the schema " << schema_ << " can't be dropped: " << e.what() << '\n';
    }
  }

  [[nodiscard]] std::string url() const override {
    return server_ + (server_.find('?') == std::string::npos ? '?' : '&') + "schema=" + schema_;
  }
  [[nodiscard]] raw_limits measure_raw(const raw_amounts& amounts) const override {
    return measure_raw_postgres(server_, schema_, amounts);
  }

 private:
  const std::string server_;
  const std::string schema_;
};

}  // namespace

std::unique_ptr<place> new_sqlite_place(const std::filesystem::path& directory) {
  return std::make_unique<sqlite_place>(directory);
}

std::unique_ptr<place> new_postgres_place(const std::string& url) { return std::make_unique<postgres_place>(url); }

}  // namespace squid_mesh::bench
