// The text format of Prometheus, and that it stays bounded.
#include "tools/telemetry/exposition.h"

#include <squid_mesh/prometheus.hpp>

#include <gtest/gtest.h>

#include <regex>
#include <sstream>
#include <string>

namespace squid_mesh {
namespace {

std::string rendered(const metric& of) {
  std::string out;
  of.render(out);
  return out;
}

TEST(metric, counters_and_gauges_have_a_line_for_each_series) {
  metric sold({.name = "sold_total", .help = "What\nwas sold.", .labels = {"what", "where"}}, 10);
  EXPECT_EQ(rendered(sold), "");
  sold.add({"tea", "Mu\"nich\\"});
  sold.add({"tea", "Mu\"nich\\"}, 2);
  sold.add({"nuts", "a\nb"});
  EXPECT_EQ(rendered(sold),
            "# HELP sold_total What\\nwas sold.\n# TYPE sold_total counter\n"
            "sold_total{what=\"nuts\",where=\"a\\nb\"} 1\nsold_total{what=\"tea\",where=\"Mu\\\"nich\\\\\"} 3\n");
  metric level({.name = "level", .help = "Now.", .is = metric::kind::gauge}, 10);
  level.set({}, 1.5);
  level.set({}, 0.25);
  EXPECT_EQ(rendered(level), "# HELP level Now.\n# TYPE level gauge\nlevel 0.25\n");
}

TEST(metric, histograms_count_what_is_at_most_each_bound) {
  metric took({.name = "took", .help = "How long.", .is = metric::kind::histogram, .labels = {"q"}, .buckets = {1, 5}},
              10);
  for (const double each : {0.5, 1.0, 3.0, 10.0}) took.observe({"a"}, each);
  EXPECT_EQ(rendered(took),
            "# HELP took How long.\n# TYPE took histogram\ntook_bucket{q=\"a\",le=\"1\"} 2\n"
            "took_bucket{q=\"a\",le=\"5\"} 3\ntook_bucket{q=\"a\",le=\"+Inf\"} 4\ntook_sum{q=\"a\"} 14.5\n"
            "took_count{q=\"a\"} 4\n");
}

TEST(metric, beyond_the_limit_label_values_are_counted_as_other) {
  metric many({.name = "n", .help = "h", .labels = {"who"}}, 3);
  for (int i = 0; i < 100; ++i) many.add({std::to_string(i)});
  EXPECT_EQ(rendered(many),
            "# HELP n h\n# TYPE n counter\nn{who=\"0\"} 1\nn{who=\"1\"} 1\nn{who=\"2\"} 1\nn{who=\"other\"} 97\n");
}

TEST(prometheus_metrics, count_what_they_are_told_in_lines_that_a_scraper_reads) {
  prometheus_metrics metrics;
  const time_point t{};
  const microseconds one_second(1'000'000);
  std::vector<telemetry_event> events{
      {.kind = telemetry_kind::run_created, .workflow = "shop"},
      {.kind = telemetry_kind::run_dispatched, .workflow = "shop"},
      {.kind = telemetry_kind::step_completed,
       .workflow = "shop",
       .step = "pay",
       .started_at = t,
       .duration = one_second},
      {.kind = telemetry_kind::step_retry_scheduled, .workflow = "shop", .step = "pay", .started_at = t},
      {.kind = telemetry_kind::step_completed, .workflow = "shop", .step = "a wait has no attempt"},
      {.kind = telemetry_kind::run_transition,
       .workflow = "shop",
       .from = run_status::pending,
       .to = run_status::completed},
      {.kind = telemetry_kind::run_completed, .workflow = "shop", .to = run_status::completed, .duration = one_second},
      {.kind = telemetry_kind::job_fetched, .queue = "q", .duration = one_second},
      {.kind = telemetry_kind::job_acknowledged, .queue = "q", .outcome = "completed"},
      {.kind = telemetry_kind::job_rescued, .queue = "q"},
      {.kind = telemetry_kind::batch_committed, .duration = one_second, .count = 7},
      {.kind = telemetry_kind::queue_depth,
       .queue = "q",
       .duration = one_second,
       .depth = queue_counts{.available = 4}},
  };
  metrics.on(events);
  metrics.dropped(2);
  const std::string text = metrics.render();
  for (const char* line :
       {"squid_mesh_runs_created_total{workflow=\"shop\"} 1", "squid_mesh_runs_dispatched_total{workflow=\"shop\"} 1",
        "squid_mesh_attempts_total{workflow=\"shop\",step=\"pay\",outcome=\"completed\"} 1",
        "squid_mesh_attempts_total{workflow=\"shop\",step=\"pay\",outcome=\"retried\"} 1",
        "squid_mesh_attempt_duration_seconds_sum{workflow=\"shop\",step=\"pay\"} 1",
        "squid_mesh_run_transitions_total{workflow=\"shop\",status=\"completed\"} 1",
        "squid_mesh_run_duration_seconds_count{workflow=\"shop\",status=\"completed\"} 1",
        "squid_mesh_jobs_fetched_total{queue=\"q\"} 1", "squid_mesh_job_wait_seconds_bucket{queue=\"q\",le=\"0.5\"} 0",
        "squid_mesh_jobs_acknowledged_total{queue=\"q\",outcome=\"completed\"} 1",
        "squid_mesh_jobs_rescued_total{queue=\"q\"} 1", "squid_mesh_batch_commits_bucket{le=\"10\"} 1",
        "squid_mesh_queue_jobs{queue=\"q\",state=\"available\"} 4", "squid_mesh_queue_oldest_seconds{queue=\"q\"} 1",
        "squid_mesh_telemetry_dropped_total 2"}) {
    EXPECT_NE(text.find(std::string(line) + "\n"), std::string::npos) << line << "\nin\n" << text;
  }
  EXPECT_EQ(text.find("a wait"), std::string::npos);
  const std::regex sample(R"(^[a-z_]+(\{[a-z]+="([^"\\]|\\.)*"(,[a-z]+="([^"\\]|\\.)*")*\})? [-+0-9.e]+$)");
  const std::regex comment(R"(^# (HELP|TYPE) [a-z_]+ .+$)");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(std::regex_match(line, line.starts_with('#') ? comment : sample)) << line;
  }
}

}  // namespace
}  // namespace squid_mesh
