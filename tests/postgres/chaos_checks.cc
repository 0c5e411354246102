#include "postgres/chaos_checks.h"

#include "postgres/chaos_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <sstream>
#include <thread>
#include <tuple>
#include <utility>

namespace squid_mesh::testing::chaos {
namespace {

/// Without any change for so long, nothing will change any more.
constexpr std::chrono::seconds patience{120};
constexpr std::size_t shown_in_full = 5;

/// An attempt, as it was noted when it began.
struct begun {
  std::string step;
  int attempt = 0;
  std::string node;

  auto operator<=>(const begun&) const = default;
};

/// The host's tables, by run.
struct hosts_tables {
  std::map<std::string, std::vector<begun>> begun_attempts;
  std::map<std::string, std::multiset<std::string>> effects;
};

/// Rows of words, as `query` returns them.
std::vector<std::vector<std::string>> words_of(const std::string& rows) {
  std::vector<std::vector<std::string>> found;
  std::istringstream lines(rows);
  for (std::string line; std::getline(lines, line, ',');) {
    std::istringstream words(line);
    found.emplace_back(std::istream_iterator<std::string>(words), std::istream_iterator<std::string>());
  }
  return found;
}

hosts_tables read_hosts_tables(postgres_connection& database) {
  hosts_tables tables;
  for (auto& row : words_of(database.query("SELECT concat_ws(' ', run_id, step, attempt, node) FROM begun"))) {
    tables.begun_attempts[row.at(0)].push_back({row.at(1), std::stoi(row.at(2)), row.at(3)});
  }
  for (auto& row : words_of(database.query("SELECT concat_ws(' ', run_id, step) FROM effects"))) {
    tables.effects[row.at(0)].insert(row.at(1));
  }
  return tables;
}

/// What is wrong with one run.
class examination {
 public:
  examination(const run_view& run, const hosts_tables& tables)
      : run_(run), number_(run.payload.at("number").get<std::int64_t>()) {
    const std::string id = to_string(run.id);
    if (const auto found = tables.begun_attempts.find(id); found != tables.begun_attempts.end()) begun_ = found->second;
    if (const auto found = tables.effects.find(id); found != tables.effects.end()) effects_ = found->second;
    the_end();
    the_history();
    for (const begun& each : begun_) in_history(each);
    for (const attempt_view& each : run.attempts) as_scripted(each);
  }

  [[nodiscard]] const std::string& faults() const { return faults_; }

 private:
  void require(bool holds, const std::string& rule) {
    if (!holds) faults_ += rule + "\n";
  }

  void the_end() {
    const ending wanted = ending_of(number_);
    require(run_.status == wanted.status, "it should have " + std::string(to_string(wanted.status)));
    require(run_.ended_at.has_value(), "it has no time at which it ended");
    require(effects_ == wanted.effects, "its effects in the host's table are not there exactly once");
  }

  /// No gap, one start, one end, and no step that completes twice.
  void the_history() {
    std::int64_t seq = 0;
    std::set<std::string> completed;
    std::size_t ends = 0;
    for (const audit_event& event : run_.history) {
      if (event.kind == "run_started") continue;
      if (event.kind == "run_completed" || event.kind == "run_failed") {
        ++ends;
        continue;
      }
      require(event.seq == ++seq, "a fact is missing before " + std::to_string(event.seq));
      require(ends == 0, "something happened after its end");
      const bool again = event.kind == "step_completed" && !completed.insert(event.step).second;
      require(!again, event.step + " completed twice");
    }
    require(ends == 1, "it has not ended once");
  }

  void in_history(const begun& attempt) {
    const std::string who = attempt.step + " #" + std::to_string(attempt.attempt) + " on " + attempt.node;
    require(std::ranges::count(begun_, attempt) == 1, who + " began more than once");
    const auto same = [&](const attempt_view& seen) {
      return seen.step == attempt.step && seen.number == attempt.attempt && seen.node == attempt.node;
    };
    require(std::ranges::count_if(run_.attempts, same) == 1, who + " began, and is not in the history");
  }

  /// Its end is the one that the script has for it, unless it was kept from getting there.
  void as_scripted(const attempt_view& attempt) {
    const std::string who = attempt.step + " #" + std::to_string(attempt.number);
    require(attempt.ended_at.has_value(), who + " has no end");
    const part wanted = part_of(number_, attempt.step, attempt.number);
    const bool fails = wanted.fails || wanted.refuses;
    const bool failed_so = attempt.status == attempt_status::failed && attempt.error &&
                           attempt.error->value("message", "") == failure_words;
    if (attempt.status == attempt_status::completed) require(!fails, who + " completed against its script");
    if (failed_so) require(fails, who + " failed against its script");
    const bool began = failed_so || attempt.status == attempt_status::completed;
    require(!began || std::ranges::count(begun_, begun{attempt.step, attempt.number, attempt.node}) == 1,
            who + " is in the history, and has not begun");
  }

  const run_view& run_;
  const std::int64_t number_;
  std::vector<begun> begun_;
  std::multiset<std::string> effects_;
  std::string faults_;
};

/// Calls it for every run.
void for_each_run(const mesh& where, const std::function<void(const run_view&)>& look) {
  run_filter filter{.limit = 1000};
  do {
    const auto page = where.list_runs(filter);
    ASSERT_TRUE(page) << to_string(page.error());
    for (const run_summary& listed : page->runs) {
      const auto run = where.inspect_run(listed.id, {.include_history = true});
      ASSERT_TRUE(run) << to_string(listed.id) << ": " << to_string(run.error());
      look(*run);
    }
    filter.cursor = page->next_cursor;
  } while (!filter.cursor.empty());
}

void check_tables(postgres_connection& database) {
  const auto none = [&](const std::string& rows, const std::string& rule) {
    EXPECT_EQ(database.query("SELECT count(*) FROM " + rows), "0") << rule;
  };
  none("oban_jobs WHERE state <> 'completed'", "every job is done");
  none("(SELECT FROM squid_mesh_events GROUP BY run_id HAVING count(*) <> max(seq)) AS gaps", "no journal has a gap");
  none("effects WHERE run_id NOT IN (SELECT id FROM squid_mesh_runs)", "nothing is done for runs that don't exist");
  none("begun WHERE run_id NOT IN (SELECT id FROM squid_mesh_runs)", "nothing begins for runs that don't exist");
}

}  // namespace

bool all_end(postgres_connection& database) {
  std::string before;
  auto changed_at = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - changed_at < patience) {
    const std::string open = database.query(
        "SELECT (SELECT count(*) FROM squid_mesh_runs WHERE ended_at IS NULL) + (SELECT count(*) FROM oban_jobs"
        " WHERE state <> 'completed')");
    if (open == "0") return true;
    const std::string now = open + " " + database.query("SELECT count(*) FROM squid_mesh_events");
    if (std::exchange(before, now) != now) changed_at = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

std::string what_is_left(postgres_connection& database) {
  return database.query("SELECT E'\\n' || r::text FROM squid_mesh_runs AS r WHERE ended_at IS NULL LIMIT 10") +
         database.query("SELECT E'\\n' || j::text FROM oban_jobs AS j WHERE state <> 'completed' LIMIT 10") +
         database.query("SELECT E'\\n' || n::text FROM squid_mesh_nodes AS n");
}

tally check_everything(const mesh& where, postgres_connection& database, std::int64_t numbers) {
  const hosts_tables tables = read_hosts_tables(database);
  tally counted;
  std::map<std::int64_t, int> seen;
  std::size_t faulty = 0;
  for_each_run(where, [&](const run_view& run) {
    ++seen[run.payload.at("number").get<std::int64_t>()];
    for (const attempt_view& attempt : run.attempts) ++counted[attempt.status];
    const std::string faults = examination(run, tables).faults();
    if (!faults.empty() && faulty++ < shown_in_full) ADD_FAILURE() << faults << to_json(run).dump(2);
  });
  EXPECT_EQ(faulty, 0U) << "runs have faults";
  for (std::int64_t number = 0; number < numbers; ++number) {
    if (const int times = seen[number]; times != 1) ADD_FAILURE() << "number " << number << " has " << times << " runs";
  }
  EXPECT_EQ(static_cast<std::int64_t>(seen.size()), numbers) << "there are runs that nobody has started";
  check_tables(database);
  return counted;
}

}  // namespace squid_mesh::testing::chaos
