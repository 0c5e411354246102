// Looking for what is wrong: samples of everything, each of bounded size whatever the tables hold.
#pragma once

#include "model/health.h"
#include "storage/postgres/connection.h"
#include "storage/postgres/target.h"

namespace squid_mesh::storage::postgres {

server_health read_server(connection& database);
health read_health(connection& database, const schema& tables, time_point now, const health_bounds& bounds);

}  // namespace squid_mesh::storage::postgres
