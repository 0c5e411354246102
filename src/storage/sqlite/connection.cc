#include "storage/sqlite/connection.h"

#include "base/fault.h"

namespace squid_mesh::storage::sqlite {
namespace {

/// How long a statement waits for another process's write lock.
constexpr int busy_timeout_ms = 10'000;

}  // namespace

connection::connection(const std::string& path, access how) {
  sqlite3* raw = nullptr;
  const int creating = how == access::create ? SQLITE_OPEN_CREATE : 0;
  const int flags = SQLITE_OPEN_READWRITE | creating | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  handle_.reset(raw);
  if (code != SQLITE_OK) fail(("open " + path).c_str());
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, busy_timeout_ms);
}

void connection::fail(const char* doing) const {
  const int code = handle_ ? sqlite3_extended_errcode(handle_.get()) : SQLITE_NOMEM;
  const char* message = handle_ ? sqlite3_errmsg(handle_.get()) : "out of memory";
  throw failure(code, std::string("SQLite: ") + doing + ": " + message);
}

void connection::execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
}

void statement::check(int code, const char* doing) const {
  if (code != SQLITE_OK) database_.fail((std::string(doing) + " " + sql_.name).c_str());
}

void statement::prepare() {
  if (handle_) return;
  sqlite3_stmt* raw = nullptr;
  check(sqlite3_prepare_v3(database_.handle(), sql_.text, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr), "prepare");
  handle_.reset(raw);
}

void statement::make_ready() {
  prepare();
  // Somebody who gave up in the middle of the rows left it there.
  if (sqlite3_stmt_busy(handle_.get()) != 0) reset();
}

statement& statement::bind(int at, std::int64_t value) {
  make_ready();
  check(sqlite3_bind_int64(handle_.get(), at, value), "bind");
  return *this;
}

// Bound texts and blobs are not copied: they have to live until the statement has run, and callers' do.
statement& statement::bind(int at, std::string_view text) {
  make_ready();
  // SQLite takes a null pointer for NULL; an empty view may have one.
  const char* data = text.data() == nullptr ? "" : text.data();
  check(sqlite3_bind_text64(handle_.get(), at, data, text.size(), SQLITE_STATIC, SQLITE_UTF8), "bind");
  return *this;
}

statement& statement::bind(int at, std::span<const std::uint8_t> blob) {
  make_ready();
  check(sqlite3_bind_blob64(handle_.get(), at, blob.data(), blob.size(), SQLITE_STATIC), "bind");
  return *this;
}

statement& statement::bind_null(int at) {
  make_ready();
  check(sqlite3_bind_null(handle_.get(), at), "bind");
  return *this;
}

bool statement::next() {
  prepare();
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) {
    // Resetting may overwrite what the connection says about the error.
    const int extended = sqlite3_extended_errcode(database_.handle());
    const std::string message = std::string("SQLite: ") + sql_.name + ": " + sqlite3_errmsg(database_.handle());
    reset();
    throw failure(extended, message);
  }
  reset();
  return false;
}

int statement::run() {
  fault::point();
  while (next()) {
  }
  return database_.changes();
}

void statement::reset() { sqlite3_reset(handle_.get()); }

bool statement::is_null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }

std::int64_t statement::integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }

std::string_view statement::text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  const int size = sqlite3_column_bytes(handle_.get(), column);
  return data == nullptr ? std::string_view() : std::string_view(data, static_cast<std::size_t>(size));
}

std::span<const std::uint8_t> statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_.get(), column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

std::optional<time_point> statement::optional_time(int column) const {
  return is_null(column) ? std::nullopt : std::optional(time(column));
}

transaction::transaction(connection& database, kind what) : database_(database) {
  database_.execute(what == kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

transaction::~transaction() {
  // Some errors end the transaction by themselves; a failing rollback leaves nothing that could still be done.
  if (database_.in_transaction()) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void transaction::commit() {
  fault::point();
  database_.execute("COMMIT");
  fault::point();
}

}  // namespace squid_mesh::storage::sqlite
