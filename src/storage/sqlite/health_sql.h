// Looking for what is wrong: samples of everything, each of bounded size whatever the tables hold.
#pragma once

#include "model/health.h"
#include "storage/sqlite/connection.h"

namespace squid_mesh::storage::sqlite {

server_health read_server(connection& database);
/// In a transaction, so that all of it is of one moment.
health read_health(connection& database, time_point now, const health_bounds& bounds);

}  // namespace squid_mesh::storage::sqlite
