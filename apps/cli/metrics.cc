// Metrics of the database.
#include "commands.h"
#include "metrics_server.h"
#include "stop_signal.h"

#include <squid_mesh/prometheus.hpp>

#include <memory>
#include <string>

namespace squid_mesh::cli {
namespace {

void print_metrics(context& with) {
  const std::string text = must(render_database_metrics(with.database()));
  with.out() << text;
}

void serve_metrics(context& with, const std::string& address) {
  const stop_signal stop;
  mesh& database = with.database();
  const metrics_server server(address, [&database] { return render_database_metrics(database); });
  with.note("Serving " + server.url() + ". SIGINT or SIGTERM stops it.");
  stop.wait();
}

}  // namespace

void add_metrics(CLI::App& app, context& with) {
  CLI::App& command = *app.add_subcommand("metrics", "The database's metrics, in the text format of Prometheus");
  auto address = std::make_shared<std::string>();
  command.add_option("--listen", *address, "Serve them at http://HOST:PORT/metrics, rather than print them");
  command.callback([&with, address] { address->empty() ? print_metrics(with) : serve_metrics(with, *address); });
}

}  // namespace squid_mesh::cli
