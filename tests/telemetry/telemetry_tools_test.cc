// Structured logs, metrics of the database, and traces that arrive at a real receiver.
#include "language/language_world.h"
#include "support/temporary_directory.h"
#include "telemetry/trace_receiver.h"

#include <squid_mesh/otlp.hpp>
#include <squid_mesh/prometheus.hpp>
#include <squid_mesh/structured_log.hpp>

#include <filesystem>
#include <fstream>
#include <regex>

namespace squid_mesh::testing {
namespace {

const std::string caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

constexpr auto parcel = workflow({
    .name = "test.parcel",
    .triggers = {{.name = "web", .payload = {{"pin", type::string, secret}}}},
    .steps = {{"pack", bound_action, {.input = {"pin"}, .retry = {.max_attempts = 2, .backoff = constant(1ms)}}},
              {"send", bound_action}},
    .transitions = {{"pack", on::ok, "send"}, {"send", on::ok, complete}},
});

class telemetry_tools : public language {
 protected:
  mesh open_with(log_sink log, telemetry_handlers handlers) {
    return must(mesh::open(
        {.database = database_->url(), .log = std::move(log), .telemetry = std::move(handlers), .node_name = "node"}));
  }
  static log_sink quiet() {
    return [](level, std::string_view) {};
  }

  /// Packing fails once.
  void add_parcel(mesh& m) {
    must(m.add(parcel, {{"pack",
                         [this](const json&, step_context& context) -> result<json> {
                           seen_.add(context.traceparent());
                           context.log(level::warning, "the pin is 12345-s3cret,\nisn't it");
                           if (seen_.lines().size() == 1) return std::unexpected(retryable("no tape"));
                           return json::object();
                         }},
                        {"send", note()}}));
  }
  static json a_pin() { return {{"pin", "12345-s3cret"}}; }

  static std::vector<json> read_lines(const std::string& file) {
    std::vector<json> lines;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
    return lines;
  }

  static json named(const std::vector<json>& spans, const std::string& name, const std::string& outcome) {
    for (const json& each : spans) {
      for (const json& attribute : each.at("attributes")) {
        if (each.at("name") == name && attribute.at("key") == "squid_mesh.outcome" &&
            attribute.at("value").at("stringValue") == outcome) {
          return each;
        }
      }
    }
    throw std::runtime_error("no span " + name + " " + outcome);
  }

  temporary_directory directory_;
};

TEST_P(telemetry_tools, spans_of_a_run_arrive_in_the_callers_trace) {
  trace_receiver receiver(trace_receiver::headers{{"x-key", "k"}});
  mesh m = open_with(quiet(), {must(export_traces({.endpoint = receiver.url(),
                                                   .headers = {{"x-key", "k"}},
                                                   .service_name = "shop",
                                                   .resource = {{"deployment.environment", "test"}}}))});
  add_parcel(m);
  must(m.start());
  must(m.start_run(parcel, a_pin(), {.traceparent = caller}));
  ASSERT_TRUE(receiver.wait_for(4));
  EXPECT_EQ(receiver.complaints(), std::vector<std::string>());
  EXPECT_EQ(receiver.service(), "shop");
  const auto spans = receiver.spans();
  ASSERT_EQ(spans.size(), 4U);
  for (const json& each : spans) EXPECT_EQ(each.at("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
  const json run = named(spans, "test.parcel", "run.completed");
  EXPECT_EQ(run.at("parentSpanId"), "00f067aa0ba902b7");
  const json failed = named(spans, "pack", "step.retry_scheduled");
  EXPECT_EQ(failed.at("status"), (json{{"code", 2}, {"message", "no tape"}}));
  const json packed = named(spans, "pack", "step.completed");
  EXPECT_EQ(packed.at("status"), (json{{"code", 1}}));
  for (const json& each : {failed, packed, named(spans, "send", "step.completed")}) {
    EXPECT_EQ(each.at("parentSpanId"), run.at("spanId"));
  }
  const auto seen = seen_.lines();
  EXPECT_EQ(parse_traceparent(seen[0])->span_id, failed.at("spanId"));
  EXPECT_EQ(parse_traceparent(seen[1])->span_id, packed.at("spanId"));
}

TEST_P(telemetry_tools, spans_wait_for_a_receiver_that_is_away) {
  trace_receiver receiver;
  receiver.refuse(2);
  trace said;
  mesh m = open_with(
      quiet(), {must(export_traces({.endpoint = receiver.url(),
                                    .log = [&](level, std::string_view line) { said.add(std::string(line)); }}))});
  add_parcel(m);
  must(m.start());
  const run_id first = must(m.start_run(parcel, a_pin())).id;
  must(m.await_run(first, 20s));
  const auto of_first = [&] {
    return std::ranges::count_if(receiver.spans(), [&](const json& span) {
      return span.at("attributes").at(0) ==
             json({{"key", "squid_mesh.run_id"}, {"value", {{"stringValue", to_string(first)}}}});
    });
  };
  // Each event brings another try.
  ASSERT_TRUE(until([&] {
    must(m.start_run(parcel, a_pin()));
    return of_first() == 4;
  })) << "three attempts and the run";
  EXPECT_EQ(said.lines().size(), 2U);
  std::set<std::string> ids;
  const auto spans = receiver.spans();
  for (const json& each : spans) ids.insert(each.at("spanId"));
  EXPECT_EQ(ids.size(), spans.size()) << "each one once";
}

TEST_P(telemetry_tools, runs_that_the_caller_does_not_sample_send_no_spans) {
  trace_receiver receiver;
  {
    mesh m = open_with(quiet(), {must(export_traces({.endpoint = receiver.url()}))});
    add_parcel(m);
    must(m.start());
    const std::string unsampled = caller.substr(0, caller.size() - 1) + "0";
    must(m.await_run(must(m.start_run(parcel, a_pin(), {.traceparent = unsampled})).id, 20s));
    must(m.await_run(must(m.start_run(parcel, a_pin())).id, 20s));
  }
  for (const json& each : receiver.spans()) EXPECT_NE(each.at("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(receiver.spans().size(), 3U) << "two attempts and the run that nobody has traced before";
}

TEST_P(telemetry_tools, every_json_line_of_an_action_says_where_it_comes_from) {
  const std::string file = directory_.path() / "log.json";
  auto log = must(open_log({.format = log_format::jsonl, .minimum = level::debug, .file = file}));
  run_id id;
  {
    mesh m = open_with(log, {log_telemetry(log)});
    add_parcel(m);
    must(m.start());
    id = must(m.start_run(parcel, a_pin())).id;
    must(m.await_run(id, 20s));
  }
  const auto lines = read_lines(file);
  int said = 0;
  bool has_retry = false;
  for (const json& each : lines) {
    EXPECT_TRUE(each.contains("time") && each.contains("level") && each.contains("message")) << each;
    EXPECT_EQ(each.dump().find("s3cret"), std::string::npos) << each;
    if (each.at("message") == "the pin is ********,\nisn't it") {
      ++said;
      EXPECT_EQ(each.at("level"), "warning");
      EXPECT_EQ(each.at("run_id"), to_string(id));
      EXPECT_EQ(each.at("workflow"), "test.parcel");
      EXPECT_EQ(each.at("step"), "pack");
      EXPECT_EQ(each.at("attempt"), said);
    }
    if (each.contains("details") && each["details"]["event"] == "step.retry_scheduled") {
      has_retry = true;
      EXPECT_EQ(each.at("level"), "warning");
      EXPECT_EQ(each.at("step"), "pack");
      EXPECT_EQ(each["details"]["error_message"], "no tape");
    }
  }
  EXPECT_EQ(said, 2);
  EXPECT_TRUE(has_retry);
}

TEST_P(telemetry_tools, a_line_of_text_stays_one_line) {
  const std::string file = directory_.path() / "log.txt";
  {
    mesh m = open_with(must(open_log({.minimum = level::warning, .file = file})), {});
    add_parcel(m);
    must(m.start());
    must(m.await_run(must(m.start_run(parcel, a_pin())).id, 20s));
  }
  std::ifstream in(file);
  const std::regex form(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} warning test\.parcel [-0-9a-f]{36} pack #[12]: )"
                        R"(the pin is \*{8}, isn't it)");
  int count = 0;
  for (std::string line; std::getline(in, line); ++count) EXPECT_TRUE(std::regex_match(line, form)) << line;
  EXPECT_EQ(count, 2);
}

TEST_P(telemetry_tools, metrics_of_the_database_show_what_is_there) {
  mesh m = open_with(quiet(), {});
  add_parcel(m);
  must(m.start_run(parcel, a_pin()));
  must(m.start_run(parcel, a_pin()));
  const std::string text = must(render_database_metrics(m));
  for (const char* line :
       {"squid_mesh_database_runs{status=\"pending\"} 2", "squid_mesh_database_runs{status=\"paused\"} 0",
        "squid_mesh_database_queue_jobs{queue=\"squid_mesh\",state=\"available\"} 2",
        "squid_mesh_database_queue_paused{queue=\"squid_mesh\"} 0", "squid_mesh_database_nodes{state=\"alive\"} 0"}) {
    EXPECT_NE(text.find(std::string(line) + "\n"), std::string::npos) << line << "\nin\n" << text;
  }
  must(m.start());
  EXPECT_NE(must(render_database_metrics(m)).find("squid_mesh_database_nodes{state=\"alive\"} 1\n"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(databases, telemetry_tools, both_databases(), database_name);

TEST(open_log, refuses_options_that_make_no_sense) {
  EXPECT_EQ(open_log({.max_bytes = 10}).error().code, errc::invalid_argument);
  EXPECT_EQ(open_log({.file = "x", .max_bytes = 10, .max_files = 0}).error().code, errc::invalid_argument);
  const temporary_directory directory;
  const std::string nowhere = directory.path() / "file" / "log";
  std::ofstream(directory.path() / "file") << "not a directory";
  const auto refused = open_log({.file = nowhere});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_NE(refused.error().message.find(nowhere), std::string::npos);
}

TEST(open_log, begins_another_file_when_one_is_full) {
  const temporary_directory directory;
  const std::filesystem::path file = directory.path() / "log.txt";
  {
    const auto log = open_log({.file = file, .max_bytes = 200, .max_files = 2});
    ASSERT_TRUE(log);
    for (int i = 0; i < 20; ++i) (*log)(level::info, "a line of some length, and a number: " + std::to_string(i));
  }
  int files = 0;
  for (const auto& each : std::filesystem::directory_iterator(directory.path())) {
    ++files;
    EXPECT_LE(std::filesystem::file_size(each.path()), 200U);
  }
  EXPECT_EQ(files, 3) << "the present one and two older ones";
}

TEST(export_traces, refuses_options_that_make_no_sense) {
  EXPECT_EQ(export_traces({.endpoint = "localhost:4318"}).error().code, errc::invalid_argument);
  EXPECT_EQ(export_traces({.timeout = milliseconds(0)}).error().code, errc::invalid_argument);
  EXPECT_EQ(export_traces({.max_batch = 0}).error().code, errc::invalid_argument);
  EXPECT_EQ(export_traces({.max_batch = 10, .max_waiting = 5}).error().code, errc::invalid_argument);
  EXPECT_TRUE(export_traces());
}

}  // namespace
}  // namespace squid_mesh::testing
