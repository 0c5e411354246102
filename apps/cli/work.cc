// Working on runs, in a host's program.
#include "commands.h"
#include "metrics_server.h"
#include "stop_signal.h"

#include <squid_mesh/otlp.hpp>
#include <squid_mesh/prometheus.hpp>
#include <squid_mesh/structured_log.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::cli {
namespace {

/// `NAME`, `NAME=LIMIT`, `NAME=LIMIT/EVERYWHERE`.
queue_limit read_queue(const std::string& text) {
  queue_limit queue{.queue = text.substr(0, text.find('='))};
  const auto number = [&](const std::string& digits) {
    std::size_t value = 0;
    if (digits.empty() || digits.size() > 6 || !CLI::detail::lexical_cast(digits, value) || value == 0) {
      refuse("--queue: \"" + text + "\" is not NAME, NAME=LIMIT or NAME=LIMIT/EVERYWHERE");
    }
    return value;
  };
  if (const std::size_t equals = text.find('='); equals != std::string::npos) {
    const std::size_t slash = text.find('/', equals);
    queue.limit = number(text.substr(equals + 1, slash == std::string::npos ? slash : slash - equals - 1));
    if (slash != std::string::npos) queue.everywhere = number(text.substr(slash + 1));
  }
  return queue;
}

struct work_arguments {
  std::vector<std::string> queues;
  std::string log;
  std::string traces;
  std::string metrics;
};

/// Serves what is counted here, and what the database says.
std::unique_ptr<metrics_server> serve(const mesh& host, const std::string& address,
                                      const std::shared_ptr<prometheus_metrics>& counted) {
  return std::make_unique<metrics_server>(address, [counted, &host]() -> result<std::string> {
    auto whole = render_database_metrics(host);
    if (!whole) return whole;
    return counted->render() + *whole;
  });
}

void work(context& with, const work_arguments& given) {
  const stop_signal stop;
  work_options how = with.host().working;
  if (!given.queues.empty()) how.queues.clear();
  for (const std::string& each : given.queues) how.queues.push_back(read_queue(each));
  const bool is_logged = !given.log.empty();
  if (is_logged) {
    with.log = must(open_log({.format = given.log == "json" ? log_format::jsonl : log_format::text}));
    with.telemetry.push_back(log_telemetry(with.log));
  }
  if (!given.traces.empty()) {
    with.telemetry.push_back(
        must(export_traces({.endpoint = given.traces, .service_name = with.host().program, .log = with.log})));
  }
  const auto counted = std::make_shared<prometheus_metrics>();
  if (!given.metrics.empty()) with.telemetry.push_back(counted);
  // A log that programs read has nothing but its own lines.
  const auto note = [&](const std::string& line) { is_logged ? with.log(level::info, line) : with.note(line); };
  mesh& host = with.database_of_host();
  std::unique_ptr<metrics_server> metrics;
  if (!given.metrics.empty()) {
    metrics = serve(host, given.metrics, counted);
    note("Metrics are at " + metrics->url() + ".");
  }
  must(host.start(std::move(how)));
  note("Working. SIGINT or SIGTERM stops it.");
  stop.wait();
  note("Stopping: what runs may end.");
  host.stop();
}

}  // namespace

void add_work(CLI::App& app, context& with) {
  CLI::App& command = *app.add_subcommand("work", "Work on runs until SIGINT or SIGTERM");
  auto given = std::make_shared<work_arguments>();
  command.add_option("--queue", given->queues, "NAME, NAME=LIMIT or NAME=LIMIT/EVERYWHERE; may be repeated");
  command.add_option("--log", given->log, "What happens to runs and steps, to standard error: text or json")
      ->check(CLI::IsMember({"text", "json"}));
  command.add_option("--traces", given->traces,
                     "Where an OpenTelemetry receiver takes traces, such as http://localhost:4318/v1/traces");
  command.add_option("--metrics", given->metrics, "Serve Prometheus metrics at http://HOST:PORT/metrics");
  command.callback([&with, given] { work(with, *given); });
}

}  // namespace squid_mesh::cli
