#include "tools/telemetry/spans.h"

#include <squid_mesh/http.hpp>
#include <squid_mesh/otlp.hpp>

#include <algorithm>
#include <deque>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

std::unexpected<error> invalid(std::string message) {
  return std::unexpected(error{.code = errc::invalid_argument, .message = std::move(message)});
}

result<void> check(const otlp_options& options) {
  if (!options.endpoint.starts_with("http://") && !options.endpoint.starts_with("https://")) {
    return invalid("the endpoint has to be an http or https URL");
  }
  if (options.timeout <= milliseconds(0)) return invalid("timeout has to be above zero");
  if (options.max_batch < 1) return invalid("max_batch has to be at least 1");
  if (options.max_waiting < options.max_batch) return invalid("max_waiting has to be max_batch at least");
  return {};
}

class span_exporter final : public telemetry_handler {
 public:
  explicit span_exporter(otlp_options options) : options_(std::move(options)), resource_(options_.resource) {
    resource_["service.name"] = options_.service_name;
  }

  void on(std::span<const telemetry_event> events) override {
    for (const telemetry_event& each : events) {
      if (auto span = span_of(each)) waiting_.push_back(*std::move(span));
    }
    while (!waiting_.empty() && send()) {
    }
    forget_oldest();
  }

 private:
  /// Whether it makes sense to go on.
  bool send() {
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(options_.max_batch, waiting_.size()));
    const std::vector<json> batch(waiting_.begin(), end);
    http::request request{.method = "POST", .url = options_.endpoint, .headers = options_.headers};
    request.headers.emplace_back("content-type", "application/json");
    request.body = export_request(batch, resource_).dump(-1, ' ', false, json::error_handler_t::replace);
    request.connect_timeout = std::min(request.connect_timeout, options_.timeout);
    request.timeout = options_.timeout;
    const auto answer = http::send(request);
    if (!answer) complain("spans could not be exported: " + to_string(answer.error()));
    if (!answer && answer.error().retryable) return false;
    waiting_.erase(waiting_.begin(), end);
    return true;
  }

  void forget_oldest() {
    if (waiting_.size() <= options_.max_waiting) return;
    const std::size_t surplus = waiting_.size() - options_.max_waiting;
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(surplus));
    complain(std::to_string(surplus) + " spans were dropped: the receiver doesn't take them");
  }

  void complain(const std::string& what) {
    if (options_.log) options_.log(level::warning, what);
  }

  const otlp_options options_;
  std::map<std::string, std::string> resource_;
  std::deque<json> waiting_;
};

}  // namespace

result<std::shared_ptr<telemetry_handler>> export_traces(otlp_options options) {
  if (auto good = check(options); !good) return std::unexpected(std::move(good).error());
  return std::make_shared<span_exporter>(std::move(options));
}

}  // namespace squid_mesh::inline v1
