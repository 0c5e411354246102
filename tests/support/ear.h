#pragma once

#include <squid_mesh/json.hpp>

#include <libpq-fe.h>

#include <memory>
#include <string>

namespace squid_mesh::testing {

/// A session that listens, as an Elixir node does.
class ear {
 public:
  ear(const std::string& url, const std::string& channel) : connection_(PQconnectdb(url.c_str()), PQfinish) {
    PQclear(PQexec(connection_.get(), ("LISTEN \"" + channel + '"').c_str()));
  }
  /// What it has heard of by now.
  json heard() {
    PQclear(PQexec(connection_.get(), "SELECT 1"));
    json all = json::array();
    while (PGnotify* const next = PQnotifies(connection_.get())) {
      all.push_back(json::parse(next->extra, nullptr, false));
      PQfreemem(next);
    }
    return all;
  }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

}  // namespace squid_mesh::testing
