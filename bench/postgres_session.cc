#include "postgres_session.h"

#include <stdexcept>

namespace squid_mesh::bench {
namespace {

void put(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.at(at++) = static_cast<char>(value >> shift);
}

void append(std::string& bytes, std::uint32_t value) {
  bytes.resize(bytes.size() + 4);
  put(bytes, bytes.size() - 4, value);
}

/// Where the number of elements is: after the number of dimensions, the flags and the type.
constexpr std::size_t count_position = 12;

}  // namespace

binary_array::binary_array(element type) {
  const std::array<std::uint32_t, 5> head{1, 0, static_cast<std::uint32_t>(type), 0, 1};
  for (const std::uint32_t word : head) append(bytes_, word);
}

binary_array& binary_array::add(std::string_view bytes) {
  append(bytes_, static_cast<std::uint32_t>(bytes.size()));
  bytes_ += bytes;
  put(bytes_, count_position, static_cast<std::uint32_t>(++count_));
  return *this;
}

binary_array& binary_array::add(std::int64_t value) {
  std::string bytes;
  append(bytes, static_cast<std::uint32_t>(value >> 32));
  append(bytes, static_cast<std::uint32_t>(value));
  return add(bytes);
}

binary_array& binary_array::add(const std::array<std::uint8_t, 16>& id) {
  return add(std::string(id.begin(), id.end()));
}

postgres_session::postgres_session(const std::string& url) : handle_(PQconnectdb(url.c_str())) {
  if (PQstatus(handle_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(handle_.get()));
  PQsetNoticeProcessor(handle_.get(), [](void*, const char*) {}, nullptr);
}

void postgres_session::execute(const std::string& sql) { check(PQexec(handle_.get(), sql.c_str())); }

void postgres_session::prepare(const char* name, const char* sql) {
  check(PQprepare(handle_.get(), name, sql, 0, nullptr));
}

void postgres_session::run(const char* name, const std::vector<binary_array>& arrays) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const binary_array& each : arrays) {
    values.push_back(each.bytes().data());
    lengths.push_back(static_cast<int>(each.bytes().size()));
  }
  const std::vector<int> binary(arrays.size(), 1);
  check(PQexecPrepared(handle_.get(), name, static_cast<int>(arrays.size()), values.data(), lengths.data(),
                       binary.data(), 1));
}

void postgres_session::check(PGresult* result) const {
  const std::unique_ptr<PGresult, decltype(&PQclear)> owned(result, &PQclear);
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(handle_.get()));
}

}  // namespace squid_mesh::bench
