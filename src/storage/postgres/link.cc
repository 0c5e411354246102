#include "storage/postgres/link.h"

#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

/// How long a vain try to connect speaks for those that would follow it.
constexpr std::chrono::milliseconds refusal_holds{200};

/// Ends a session and waits for its end. The start time tells it from another that has got the same process id.
void end_session(connection& database, const connection::identity& which) {
  static const statement end(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid = $1::int4"
      " AND backend_start = $2::timestamptz");
  database.run(end, std::move(parameters().add(std::int32_t{which.pid}).add(which.since)));
}

}  // namespace

connection& link::get() {
  if (connection_ && connection_->is_open()) return *connection_;
  if (refusal_ && std::chrono::steady_clock::now() - refused_at_ < refusal_holds) throw failure(*refusal_);
  try {
    connect();
    refusal_.reset();
  } catch (const failure& why) {
    refused_at_ = std::chrono::steady_clock::now();
    refusal_.emplace(failure::kind::unreachable, why.sqlstate(), why.what());
    throw failure(*refusal_);
  }
  return *connection_;
}

void link::connect() {
  auto fresh = std::make_unique<connection>(url_, use_);
  if (connection_ && connection_->session().pid != 0) end_session(*fresh, connection_->session());
  connection_ = std::move(fresh);
}

}  // namespace squid_mesh::storage::postgres
