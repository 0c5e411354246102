#include "storage/postgres/commit_sql.h"

#include "storage/postgres/commit_rows.h"
#include "storage/postgres/commit_text.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <stdexcept>
#include <unordered_set>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

/// Numbers, separated by spaces.
std::vector<job_id> parse_ids(std::string_view text) {
  std::vector<job_id> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    job_id id;
    const auto [rest, problem] = std::from_chars(at, end, id.value);
    if (problem != std::errc()) throw std::runtime_error("PostgreSQL returned job ids that are no numbers");
    ids.push_back(id);
    at = rest + 1;
  }
  return ids;
}

/// The runs whose rows a commit may change. One that ends wakes the run that waits for it.
std::vector<run_id> runs_of(const commit& what) {
  std::vector<run_id> runs;
  if (what.run != run_id{}) runs.push_back(what.run);
  if (what.start && what.start->id != what.run) runs.push_back(what.start->id);
  for (const job_insert& job : what.wakes) {
    if (job.drives && job.drives->run != what.run) runs.push_back(job.drives->run);
  }
  return runs;
}

}  // namespace

std::vector<wave> in_waves(std::span<const commit* const> commits, trust how) {
  std::vector<wave> waves;
  std::vector<wave> present(2);  // Those that are being filled, by whether they are trusted.
  std::set<run_id> runs;
  std::set<job_id> jobs;
  const auto next_waves = [&] {
    // Jobs that begin at the same time are worked on in the order of their insertion.
    const bool is_second_first = !present[0].places.empty() && !present[1].places.empty() &&
                                 present[1].places.front() < present[0].places.front();
    if (is_second_first) std::swap(present[0], present[1]);
    for (wave& full : present) {
      if (!full.commits.empty()) waves.push_back(std::exchange(full, {}));
    }
    runs.clear();
    jobs.clear();
  };
  for (std::size_t place = 0; place < commits.size(); ++place) {
    const commit& next = *commits[place];
    const std::vector<run_id> touched = runs_of(next);
    if (std::ranges::any_of(touched, [&](const run_id& run) { return runs.contains(run); }) ||
        std::ranges::any_of(next.jobs, [&](const job_step& step) { return jobs.contains(step.whose.job); })) {
      next_waves();
    }
    runs.insert(touched.begin(), touched.end());
    for (const job_step& step : next.jobs) jobs.insert(step.whose.job);
    const bool is_trusted = how == trust::likely && may_be_trusted(next);
    wave& into = present[is_trusted ? 1 : 0];
    into.is_trusted = is_trusted;
    into.commits.push_back(&next);
    into.places.push_back(place);
  }
  next_waves();
  return waves;
}

const statement& commit_speller::statement_for(unsigned parts) {
  const std::lock_guard lock(mutex_);
  auto& known = statements_[parts];
  if (!known) known = std::make_unique<const statement>(commit_text(parts, tables_));
  return *known;
}

request commit_speller::spell(const wave& what, time_point now) {
  unsigned parts = what.is_trusted ? part::trusting : 0U;
  for (const commit* next : what.commits) parts |= parts_of(*next);
  wave_rows rows(parts);
  std::int32_t n = 0;
  for (const commit* next : what.commits) rows.add(n++, *next, now);
  request made{.sql = &statement_for(parts)};
  for (row_set* set : rows.sets()) set->add_to(made.values);
  return made;
}

void commit_speller::read(const wave& asked, const wave_answer& answer, std::vector<commit_outcome>& outcomes) {
  const auto found = parse_ids(answer.changed);
  const std::unordered_set<job_id> changed(found.begin(), found.end());
  const std::vector<job_id> ids = parse_ids(answer.ids);
  auto next_id = ids.begin();
  for (std::size_t n = 0; n < asked.commits.size(); ++n) {
    const commit& of = *asked.commits[n];
    commit_outcome& outcome = outcomes.at(asked.places[n]);
    outcome.applied = asked.is_trusted || answer.applied.at(n) == '1';
    // Where facts were refused, the jobs were not looked at.
    for (const job_step& step : of.jobs) {
      const bool looked_at = touches_job(of, step) && (outcome.applied || of.facts.empty());
      if (looked_at && !changed.contains(step.whose.job)) outcome.lost.push_back(step.whose.job);
    }
    const auto end = next_id + static_cast<std::ptrdiff_t>(of.inserts.size());
    if (outcome.applied) outcome.inserted.assign(next_id, end);
    next_id = end;
  }
}

}  // namespace squid_mesh::storage::postgres
