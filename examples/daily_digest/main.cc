// Posts a feed's news to Discord, as a durable workflow: kill it at any time, start it again, and it goes on.
#include "actions.h"
#include "demo_feed.h"
#include "local_servers.h"
#include "run_text.h"
#include "workflow.h"

#include <squid_mesh/squid_mesh.hpp>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <thread>

namespace daily_digest {
namespace {

struct settings {
  std::string feed_url;
  std::string webhook_url;
  std::string database = "sqlite:daily_digest.db";
  std::string failed_deliveries = "failed_deliveries.jsonl";
  int lease_ms = 3'000;
};

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): a signal handler sees nothing else.
std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "signal handlers may touch nothing else");

extern "C" void request_stop(int /*signal*/) { stop_requested = true; }

void write_log(sm::level severity, std::string_view message) {
  fmt::print(stderr, "[{}] {}\n", to_string(severity), message);
}

/// The newest run that has not ended: that of a process which was killed or stopped.
sm::result<std::optional<sm::run_view>> find_unfinished(const sm::mesh& mesh) {
  using enum sm::run_status;
  const auto page = mesh.list_runs({.workflow = std::string(post_daily_digest.name),
                                    .statuses = {pending, running, retrying, paused, cancelling},
                                    .limit = 1});
  if (!page) return std::unexpected(page.error());
  if (page->runs.empty()) return std::nullopt;
  return mesh.inspect_run(page->runs.front().id);
}

/// The local servers that the run needs, if any. Those of an unfinished run come back on their old port.
sm::result<std::optional<local_servers>> start_servers(const settings& given,
                                                       const std::optional<sm::run_view>& unfinished) {
  if (!given.feed_url.empty()) return std::nullopt;
  int port = 0;
  if (unfinished) {
    const auto known = local_servers::port_of(unfinished->payload.value("feed_url", ""));
    if (!known) return std::nullopt;
    port = *known;
  }
  // A webhook that was down already would now use up what is left of the run's attempts.
  return local_servers::start({.port = port, .feed = std::string(demo_feed), .has_bad_start = !unfinished});
}

sm::json payload_of(const settings& given, const std::optional<local_servers>& servers) {
  if (servers) return {{"feed_url", servers->feed_url()}, {"discord_webhook_url", servers->webhook_url()}};
  return {{"feed_url", given.feed_url}, {"discord_webhook_url", given.webhook_url}};
}

/// Prints what happens to the run until it has ended or somebody wants the program to stop.
sm::result<sm::run_view> follow(const sm::mesh& mesh, const sm::run_id& id) {
  std::size_t seen = 0;
  while (true) {
    const bool is_last_look = stop_requested;
    auto run = mesh.inspect_run(id, {.include_history = true});
    if (!run) return run;
    for (; seen < run->history.size(); ++seen) fmt::print("{}\n", event_line(run->history[seen]));
    std::fflush(stdout);
    if (is_terminal(run->status) || is_last_look) return run;
    std::this_thread::sleep_for(50ms);
  }
}

sm::result<sm::run_id> start_or_continue(sm::mesh& mesh, const std::optional<sm::run_view>& unfinished,
                                         const sm::json& payload) {
  if (unfinished) {
    fmt::print("Run {} was not finished; going on with it, with its own payload.\n", to_string(unfinished->id));
    return unfinished->id;
  }
  const auto started = mesh.start_run(post_daily_digest, payload);
  if (!started) return std::unexpected(started.error());
  fmt::print("Started run {}.\n", to_string(started->id));
  return started->id;
}

/// Whether the run completed.
sm::result<bool> post_digest(const settings& given) {
  failed_deliveries failures(given.failed_deliveries);
  auto mesh = sm::mesh::open({.database = given.database, .log = write_log});
  if (!mesh) return std::unexpected(mesh.error());
  mesh->provide(failures);
  if (auto added = mesh->add(post_daily_digest); !added) return std::unexpected(added.error());

  const auto unfinished = find_unfinished(*mesh);
  if (!unfinished) return std::unexpected(unfinished.error());
  const auto servers = start_servers(given, *unfinished);
  if (!servers) return std::unexpected(servers.error());
  const auto id = start_or_continue(*mesh, *unfinished, payload_of(given, *servers));
  if (!id) return std::unexpected(id.error());

  // A short lease, so that a run whose process was killed goes on soon.
  if (auto working = mesh->start({.grace = 2s, .lease = sm::milliseconds(given.lease_ms)}); !working) {
    return std::unexpected(working.error());
  }
  const auto ended = follow(*mesh, *id);
  mesh->stop();
  if (!ended) return std::unexpected(ended.error());
  const auto run = mesh->inspect_run(*id, {.include_history = true});
  if (!run) return std::unexpected(run.error());

  fmt::print("{}", run_report(*run));
  if (*servers) fmt::print("\nThe local webhook accepted {} message(s).\n", (*servers)->messages().size());
  if (!is_terminal(run->status)) fmt::print("\nStopped before the end. Start the program again to go on.\n");
  return run->status == sm::run_status::completed;
}

/// Prints what the schedule has started since it was asked last, and what has ended.
sm::result<void> report_ticks(const sm::mesh& mesh, std::set<sm::run_id>& reported) {
  const auto page = mesh.list_runs({.workflow = std::string(post_daily_digest.name), .limit = 10});
  if (!page) return std::unexpected(page.error());
  for (const sm::run_summary& each : page->runs) {
    if (!is_terminal(each.status) || !reported.insert(each.id).second) continue;
    const auto run = mesh.inspect_run(each.id, {.include_history = true});
    if (!run) return std::unexpected(run.error());
    fmt::print("{}\n", run_report(*run));
    std::fflush(stdout);
  }
  return {};
}

/// Works on the workflow's schedule until somebody wants the program to stop.
sm::result<bool> keep_posting(const settings& given) {
  failed_deliveries failures(given.failed_deliveries);
  auto mesh = sm::mesh::open({.database = given.database, .log = write_log});
  if (!mesh) return std::unexpected(mesh.error());
  mesh->provide(failures);
  if (auto added = mesh->add(post_daily_digest); !added) return std::unexpected(added.error());
  const auto servers = start_servers(given, std::nullopt);
  if (!servers) return std::unexpected(servers.error());
  mesh->set_schedule_payload(post_daily_digest.name, "daily_digest", payload_of(given, *servers));
  if (auto working = mesh->start({.grace = 2s, .lease = sm::milliseconds(given.lease_ms)}); !working) {
    return std::unexpected(working.error());
  }
  const auto schedules = mesh->list_schedules();
  if (!schedules) return std::unexpected(schedules.error());
  for (const sm::schedule_view& each : *schedules) {
    fmt::print("{} posts at {} ({}), next at {}.\n", each.workflow, each.expression, each.timezone,
               sm::to_string(each.next_at));
  }
  std::fflush(stdout);
  std::set<sm::run_id> reported;
  while (!stop_requested) {
    if (auto told = report_ticks(*mesh, reported); !told) return std::unexpected(told.error());
    std::this_thread::sleep_for(200ms);
  }
  mesh->stop();
  return true;
}

int run_program(int argc, char** argv) {
  settings given;
  bool is_scheduled = false;
  CLI::App app("Posts a feed's news to Discord as a durable workflow. Without options both are local servers.",
               "daily_digest");
  auto* feed = app.add_option("--feed", given.feed_url, "URL of an RSS or Atom feed");
  auto* webhook = app.add_option("--webhook", given.webhook_url, "URL of a Discord webhook; a secret");
  feed->needs(webhook);
  webhook->needs(feed);
  app.add_option("--database", given.database, "Where runs are kept")->capture_default_str();
  app.add_option("--failed-deliveries", given.failed_deliveries, "File for digests that could not be delivered")
      ->capture_default_str();
  app.add_option("--lease", given.lease_ms, "Milliseconds after which a silent process is taken for dead")
      ->check(CLI::Range(100, 60'000))
      ->capture_default_str();
  app.add_flag("--cron", is_scheduled, "Keep running, and post on the workflow's schedule");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  const auto completed = is_scheduled ? keep_posting(given) : post_digest(given);
  if (!completed) fmt::print(stderr, "daily_digest: {}\n", to_string(completed.error()));
  return completed && *completed ? 0 : 1;
}

}  // namespace
}  // namespace daily_digest

int main(int argc, char** argv) {
  try {
    return daily_digest::run_program(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "daily_digest: {}\n", e.what());
    return 1;
  }
}
