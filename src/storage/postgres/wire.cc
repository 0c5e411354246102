#include "storage/postgres/wire.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

/// PostgreSQL counts microseconds from the year 2000.
constexpr time_point postgres_epoch{std::chrono::sys_days(std::chrono::year(2000) / 1 / 1)};

/// Dimensions, flags, element type, size, lower bound: what precedes the elements of an array.
constexpr std::size_t array_header = 20;

template <class Int>
void put(std::string& bytes, Int value) {
  for (std::size_t i = sizeof(Int); i-- > 0;) {
    bytes.push_back(static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xFFU));
  }
}

std::int64_t big_endian(std::string_view bytes) {
  // The sign is in the first byte.
  std::uint64_t value =
      !bytes.empty() && (static_cast<unsigned char>(bytes.front()) & 0x80U) != 0 ? ~std::uint64_t{0} : 0;
  for (const char byte : bytes) value = (value << 8U) | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(value);
}

}  // namespace

std::string_view to_string(element type) {
  switch (type) {
    case element::boolean:
      return "bool";
    case element::bigint:
      return "int8";
    case element::integer:
      return "int4";
    case element::text:
      return "text";
    case element::timestamp:
      return "timestamp";
    case element::timestamptz:
      return "timestamptz";
    case element::uuid:
      return "uuid";
  }
  return "";
}

std::string to_binary(bool value) { return {value ? '\1' : '\0'}; }

std::string to_binary(std::int32_t value) {
  std::string bytes;
  put(bytes, value);
  return bytes;
}

std::string to_binary(std::int64_t value) {
  std::string bytes;
  put(bytes, value);
  return bytes;
}

std::string to_binary(time_point value) { return to_binary(std::int64_t{(value - postgres_epoch).count()}); }

std::string to_binary(const run_id& value) { return {value.value.bytes.begin(), value.value.bytes.end()}; }

array::array(element type) : type_(type), bytes_(array_header, '\0') {}

void array::append(const std::string& value) {
  put(bytes_, static_cast<std::int32_t>(value.size()));
  bytes_ += value;
  ++count_;
}

void array::push_null() {
  put(bytes_, std::int32_t{-1});
  has_null_ = true;
  ++count_;
}

std::string array::take() {
  std::string header;
  put(header, std::int32_t{1});
  put(header, std::int32_t{has_null_ ? 1 : 0});
  put(header, static_cast<std::int32_t>(type_));
  put(header, std::exchange(count_, 0));
  put(header, std::int32_t{1});
  has_null_ = false;
  std::ranges::copy(header, bytes_.begin());
  return std::exchange(bytes_, std::string(array_header, '\0'));
}

int rows::affected() const {
  const std::string_view text = PQcmdTuples(result_.get());
  int count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

std::string_view rows::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t rows::integer(int row, int column) const {
  const std::string_view bytes = text(row, column);
  if (bytes.empty() || bytes.size() > 8) throw std::runtime_error("a column holds no integer");
  return big_endian(bytes);
}

bool rows::boolean(int row, int column) const {
  const std::string_view bytes = text(row, column);
  if (bytes.size() != 1) throw std::runtime_error("a column holds no boolean");
  return bytes.front() != 0;
}

time_point rows::time(int row, int column) const {
  const std::string_view bytes = text(row, column);
  if (bytes.size() != 8) throw std::runtime_error("a column holds no timestamp");
  return postgres_epoch + microseconds(big_endian(bytes));
}

std::optional<time_point> rows::optional_time(int row, int column) const {
  return is_null(row, column) ? std::nullopt : std::optional(time(row, column));
}

run_id rows::id(int row, int column) const {
  const std::string_view bytes = text(row, column);
  run_id made;
  if (bytes.size() != made.value.bytes.size()) throw std::runtime_error("a column holds no uuid");
  std::ranges::transform(bytes, made.value.bytes.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  return made;
}

}  // namespace squid_mesh::storage::postgres
