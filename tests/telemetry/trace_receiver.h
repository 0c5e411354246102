// A receiver of OpenTelemetry traces on the loopback interface.
#pragma once

#include "http/test_server.h"

#include <squid_mesh/json.hpp>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::testing {

/// Takes traces as an OpenTelemetry collector does, and is as strict about their form as its JSON is defined.
class trace_receiver {
 public:
  using headers = std::map<std::string, std::string>;

  /// `wanted`: headers that each request has to have.
  explicit trace_receiver(headers wanted = {}) : wanted_(std::move(wanted)) {
    server_.routes.Post("/v1/traces", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      if (refusals_ > 0) {
        --refusals_;
        response.status = 503;
        return;
      }
      take(request, response);
      came_.notify_all();
    });
    server_.start();
  }

  [[nodiscard]] std::string url() const { return server_.url("/v1/traces"); }
  /// The next requests are answered that it is busy.
  void refuse(int times) {
    const std::lock_guard lock(mutex_);
    refusals_ = times;
  }
  /// Waits until there are that many.
  bool wait_for(std::size_t spans) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, std::chrono::seconds(20), [&] { return spans_.size() >= spans; });
  }
  [[nodiscard]] std::vector<json> spans() const {
    const std::lock_guard lock(mutex_);
    return spans_;
  }
  /// What was otherwise than the protocol has it.
  [[nodiscard]] std::vector<std::string> complaints() const {
    const std::lock_guard lock(mutex_);
    return complaints_;
  }
  /// The name of who sent the last ones.
  [[nodiscard]] std::string service() const {
    const std::lock_guard lock(mutex_);
    return service_;
  }

 private:
  void expect(bool holds, const std::string& what) {
    if (!holds) complaints_.push_back(what);
  }

  static std::string text_of(const json& attributes, const std::string& key) {
    for (const json& each : attributes) {
      if (each.at("key") == key) return each.at("value").at("stringValue");
    }
    return {};
  }

  void take(const httplib::Request& request, httplib::Response& response) {
    expect(request.get_header_value("content-type") == "application/json", "content type");
    for (const auto& [name, value] : wanted_) expect(request.get_header_value(name) == value, name);
    const json body = json::parse(request.body, nullptr, false);
    if (body.is_discarded()) {
      complaints_.push_back("no JSON: " + request.body);
      response.status = 400;
      return;
    }
    for (const json& resource : body.at("resourceSpans")) {
      service_ = text_of(resource.at("resource").at("attributes"), "service.name");
      for (const json& scope : resource.at("scopeSpans")) {
        expect(scope.at("scope").at("name") == "squid_mesh", "scope");
        for (const json& span : scope.at("spans")) take_span(span);
      }
    }
    response.set_content("{}", "application/json");
  }

  void take_span(const json& span) {
    const auto is_hex = [](const json& id, std::size_t digits) {
      return id.is_string() && id.get<std::string>().size() == digits &&
             id.get<std::string>().find_first_not_of("0123456789abcdef") == std::string::npos;
    };
    const auto is_number_text = [](const json& value) {
      return value.is_string() && value.get<std::string>().find_first_not_of("0123456789") == std::string::npos;
    };
    expect(is_hex(span.at("traceId"), 32), "traceId");
    expect(is_hex(span.at("spanId"), 16), "spanId");
    if (span.contains("parentSpanId")) expect(is_hex(span.at("parentSpanId"), 16), "parentSpanId");
    expect(span.at("name").is_string() && span.at("kind").is_number_integer(), "name and kind");
    expect(is_number_text(span.at("startTimeUnixNano")) && is_number_text(span.at("endTimeUnixNano")), "times");
    expect(std::stoull(span.at("startTimeUnixNano").get<std::string>()) <=
               std::stoull(span.at("endTimeUnixNano").get<std::string>()),
           "it ends after it began");
    for (const json& each : span.at("attributes")) {
      const json& value = each.at("value");
      expect(value.size() == 1 && (value.contains("stringValue") || is_number_text(value.at("intValue"))), "attribute");
    }
    spans_.push_back(span);
  }

  const headers wanted_;
  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::vector<json> spans_;
  std::vector<std::string> complaints_;
  std::string service_;
  int refusals_ = 0;
  http::test_server server_;
};

}  // namespace squid_mesh::testing
