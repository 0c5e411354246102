// Looking for what is wrong: what is read, and what is asked for it. The rules are in `inspect/diagnosis`.
#include "inspect/diagnosis.h"
#include "inspect/explanation.h"
#include "mesh/impl.h"
#include "storage/open.h"

#include <algorithm>
#include <set>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// Runs that look as if they waited for somebody first, and one of each definition, which may be one that can't be
/// read.
std::vector<live_record> most_suspicious(std::vector<live_record> runs, std::size_t limit) {
  std::set<std::string> definitions;
  const auto urgency = [&](const live_record& run) {
    if (run.parked) return 0;
    if (definitions.insert(run.definition).second) return 1;
    return run.status == run_status::paused ? 2 : 3;
  };
  std::vector<std::pair<int, live_record>> ranked;
  ranked.reserve(runs.size());
  for (live_record& run : runs) {
    const int rank = urgency(run);
    ranked.emplace_back(rank, std::move(run));
  }
  std::ranges::stable_sort(ranked, {}, &std::pair<int, live_record>::first);
  if (ranked.size() > limit) ranked.resize(limit);
  std::vector<live_record> first;
  first.reserve(ranked.size());
  for (auto& [rank, run] : ranked) first.push_back(std::move(run));
  return first;
}

/// What the clock says beyond what the time between the question and the answer can explain.
microseconds offset_of(time_point seen, time_point asked, time_point answered) {
  if (seen < asked) return seen - asked;
  return seen > answered ? seen - answered : microseconds(0);
}

}  // namespace

result<health_reading> mesh::impl::take_reading(const diagnose_options& asking) {
  storage::store& store = workers.store();
  const system_clock own;  // Not the one that heartbeats correct.
  if (const auto connected = store.read_server(); !connected) return std::unexpected(connected.error());
  const time_point asked = own.now();
  auto server = store.read_server();
  const time_point answered = own.now();
  if (!server) return std::unexpected(std::move(server).error());
  health_reading reading{.server = *std::move(server), .answered_in = answered - asked, .options = asking};
  if (reading.server.now) reading.clock_offset = offset_of(*reading.server.now, asked, answered);
  const auto hears = store.test_hearing();
  if (!hears) return std::unexpected(hears.error());
  reading.is_notified = *hears == storage::hearing::notified;
  reading.now = own.now() + reading.clock_offset;
  auto seen = store.read_health(reading.now, {.runs = asking.max_runs, .jobs_of_one = asking.max_jobs});
  if (!seen) return std::unexpected(std::move(seen).error());
  reading.seen = *std::move(seen);
  for (const live_record& run : most_suspicious(reading.seen.live, asking.max_explained)) {
    const auto request = ask_about(run.run, {});
    auto why = request ? explain(*request, reading.now) : result<explanation>(std::unexpected(request.error()));
    if (!why && why.error().code == errc::unavailable) return std::unexpected(std::move(why).error());
    // It has been deleted since.
    if (!why && why.error().code == errc::not_found && !store.read_status(run.run)) continue;
    reading.asked.push_back({.run = run.run, .workflow = run.workflow, .why = std::move(why)});
  }
  return reading;
}

diagnosis mesh::diagnose(const diagnose_options& options) const {
  const auto reading = impl_->take_reading(options);
  return reading ? v1::diagnose(*reading) : diagnose_failure(reading.error());
}

diagnosis mesh::diagnose_database(mesh_options where, const diagnose_options& options) {
  where.migrate = false;
  const auto opened = open(std::move(where));
  return opened ? opened->diagnose(options) : diagnose_failure(opened.error());
}

result<schema_status> inspect_schema(std::string_view database) { return storage::read_schema(database); }

result<std::vector<schema_migration>> list_schema_migrations(std::string_view database) {
  return storage::list_migrations(database);
}

}  // namespace squid_mesh::inline v1
