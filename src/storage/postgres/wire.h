// Values in PostgreSQL's binary format: parameters of statements, and columns of their results.
#pragma once

#include <squid_mesh/ids.hpp>
#include <squid_mesh/time.hpp>

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::postgres {

/// The object ids of the types that arrays are made of; fixed for all servers.
enum class element : std::uint32_t {
  boolean = 16,
  bigint = 20,
  integer = 23,
  text = 25,
  timestamp = 1114,    ///< without time zone, as Oban's tables have it; holds UTC
  timestamptz = 1184,  ///< as our own tables have it
  uuid = 2950,
};

/// The type's name in SQL.
std::string_view to_string(element type);

/// The bytes of one value.
std::string to_binary(bool value);
std::string to_binary(std::int32_t value);
std::string to_binary(std::int64_t value);
std::string to_binary(time_point value);
std::string to_binary(const run_id& value);
inline std::string to_binary(std::size_t value) { return to_binary(static_cast<std::int64_t>(value)); }
inline std::string to_binary(std::string_view text) { return std::string(text); }
inline std::string to_binary(const std::string& text) { return text; }
inline std::string to_binary(const char* text) { return text; }

/// An array of one dimension.
class array {
 public:
  explicit array(element type);

  /// The value has to be of the array's type.
  template <class T>
  void push(const T& value) {
    append(to_binary(value));
  }
  template <class T>
  void push(const std::optional<T>& value) {
    value ? push(*value) : push_null();
  }
  void push_null();

  /// The array's bytes; it is empty afterwards.
  std::string take();

 private:
  void append(const std::string& value);

  element type_;
  std::int32_t count_ = 0;
  bool has_null_ = false;
  std::string bytes_;
};

template <class Range>
std::string array_of(element type, const Range& values) {
  array made(type);
  for (const auto& value : values) made.push(value);
  return made.take();
}

/// A statement's parameters, in order.
class parameters {
 public:
  template <class T>
  parameters& add(const T& value) {
    values_.emplace_back(to_binary(value));
    return *this;
  }
  template <class T>
  parameters& add(const std::optional<T>& value) {
    values_.emplace_back(value ? std::optional(to_binary(*value)) : std::nullopt);
    return *this;
  }
  /// Bytes as they go over the wire.
  parameters& add_bytes(std::string bytes) {
    values_.emplace_back(std::move(bytes));
    return *this;
  }

  [[nodiscard]] std::span<const std::optional<std::string>> values() const { return values_; }

 private:
  std::vector<std::optional<std::string>> values_;
};

/// The rows that a statement returned, in binary format. Columns count from 0. A value of another type than its
/// accessor reads throws std::runtime_error: the statement and its reader don't fit.
class rows {
 public:
  rows() = default;
  /// Takes it over.
  explicit rows(PGresult* result) : result_(result) {}

  [[nodiscard]] ExecStatusType status() const { return PQresultStatus(result_.get()); }
  [[nodiscard]] const PGresult* get() const { return result_.get(); }

  [[nodiscard]] int size() const { return PQntuples(result_.get()); }
  [[nodiscard]] int columns() const { return PQnfields(result_.get()); }
  [[nodiscard]] int affected() const;

  [[nodiscard]] bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) == 1; }
  /// Valid as long as the rows are. Empty for NULL.
  [[nodiscard]] std::string_view text(int row, int column) const;
  /// Of any integer type.
  [[nodiscard]] std::int64_t integer(int row, int column) const;
  [[nodiscard]] bool boolean(int row, int column) const;
  /// Of either timestamp type.
  [[nodiscard]] time_point time(int row, int column) const;
  [[nodiscard]] std::optional<time_point> optional_time(int row, int column) const;
  [[nodiscard]] run_id id(int row, int column) const;

 private:
  struct closer {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, closer> result_;
};

}  // namespace squid_mesh::storage::postgres
