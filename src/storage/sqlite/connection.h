// SQLite's C API with owners for what it hands out. Throws `failure`; the store turns that into results.
#pragma once

#include <squid_mesh/time.hpp>

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace squid_mesh::storage::sqlite {

/// A call that SQLite refused: its extended result code, and its message with the statement's name.
class failure : public std::runtime_error {
 public:
  failure(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] int code() const { return code_; }

 private:
  int code_;
};

/// A statement with its name, which errors mention.
struct named_sql {
  const char* name;
  const char* text;
};

struct connection_closer {
  void operator()(sqlite3* handle) const {
    if (owns) sqlite3_close_v2(handle);
  }
  bool owns = true;
};

/// One connection. Used by one thread at a time.
class connection {
 public:
  enum class access { create, existing };
  /// Opens a database file, or a `file:` URI, and creates it where that is wanted.
  explicit connection(const std::string& path, access how = access::create);
  /// One of the host's, which outlives this object.
  explicit connection(sqlite3* borrowed) : handle_(borrowed, connection_closer{.owns = false}) {}

  /// Runs statements that return nothing.
  void execute(const char* sql);
  [[nodiscard]] int changes() const { return sqlite3_changes(handle_.get()); }
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

  /// Throws the connection's last error.
  [[noreturn]] void fail(const char* doing) const;

 private:
  std::unique_ptr<sqlite3, connection_closer> handle_;
};

/// A prepared statement, prepared at its first use and kept. Parameters count from 1, columns from 0.
class statement {
 public:
  statement(connection& database, named_sql sql) : database_(database), sql_(sql) {}

  statement& bind(int at, std::int64_t value);
  statement& bind(int at, int value) { return bind(at, std::int64_t{value}); }
  statement& bind(int at, std::size_t value) { return bind(at, static_cast<std::int64_t>(value)); }
  statement& bind(int at, std::string_view text);
  statement& bind(int at, const char* text) { return bind(at, std::string_view(text)); }
  statement& bind(int at, const std::string& text) { return bind(at, std::string_view(text)); }
  statement& bind(int at, std::span<const std::uint8_t> blob);
  /// As microseconds since the epoch.
  statement& bind(int at, time_point time) { return bind(at, std::int64_t{time.time_since_epoch().count()}); }
  statement& bind_null(int at);
  template <class T>
  statement& bind(int at, const std::optional<T>& value) {
    return value ? bind(at, *value) : bind_null(at);
  }

  /// Moves to the next row; false, and ready for the next use, when there is none.
  bool next();
  /// Runs to the end and returns how many rows were changed.
  int run();
  /// The id of the row that the last insert made.
  [[nodiscard]] std::int64_t last_insert_id() const { return sqlite3_last_insert_rowid(database_.handle()); }
  /// Makes the statement ready for the next use before its rows are all read.
  void reset();

  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  /// Valid until the next call.
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::span<const std::uint8_t> blob(int column) const;
  [[nodiscard]] time_point time(int column) const { return time_point(microseconds(integer(column))); }
  [[nodiscard]] std::optional<time_point> optional_time(int column) const;

 private:
  void prepare();
  /// Prepared, and at its beginning.
  void make_ready();
  void check(int code, const char* doing) const;

  struct finalizer {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  connection& database_;
  named_sql sql_;
  std::unique_ptr<sqlite3_stmt, finalizer> handle_;
};

/// A transaction: rolled back unless it was committed.
class transaction {
 public:
  enum class kind {
    write,  ///< Waits for the write lock first.
    read,   ///< All reads see the same state.
  };
  explicit transaction(connection& database, kind what = kind::write);
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  ~transaction();

  void commit();

 private:
  connection& database_;
};

}  // namespace squid_mesh::storage::sqlite
