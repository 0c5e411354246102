#include "jobs/new_job.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace squid_mesh::inline v1::jobs {
namespace {

constexpr std::size_t max_name_bytes = 127;
constexpr int max_priority = 9;

std::string normalised_tag(std::string_view tag) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = tag.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  std::string text(tag.substr(first, tag.find_last_not_of(blanks) - first + 1));
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

json normalised_tags(const std::vector<std::string>& tags) {
  json list = json::array();
  for (const std::string& tag : tags) {
    json text = normalised_tag(tag);
    if (!text.get_ref<const std::string&>().empty() && std::ranges::find(list, text) == list.end()) {
      list.push_back(std::move(text));
    }
  }
  return list;
}

class checker {
 public:
  void name(const std::string& path, const std::string& value) {
    require(!value.empty() && value.size() <= max_name_bytes, path, "length_is_not_1_to_127",
            "has to be 1 to 127 bytes long");
  }
  void require(bool holds, const std::string& path, const std::string& rule, const std::string& message) {
    if (!holds) problems_.push_back({.path = path, .rule = rule, .message = path + " " + message});
  }
  /// The JSON text of a value; a problem where it isn't an object or not UTF-8.
  std::string object(const std::string& path, const json& value) {
    require(value.is_object(), path, "not_an_object", "has to be an object");
    return text(path, value);
  }
  std::string text(const std::string& path, const json& value) {
    try {
      return value.dump();
    } catch (const json::exception&) {
      require(false, path, "not_utf8", "holds text that is not UTF-8");
      return {};
    }
  }
  [[nodiscard]] bool failed() const { return !problems_.empty(); }
  error refusal() && {
    return {.code = errc::invalid_argument, .message = "the job is not valid", .problems = std::move(problems_)};
  }

 private:
  std::vector<problem> problems_;
};

}  // namespace

result<job_insert> to_insert(const new_job& work) {
  checker check;
  check.name("worker", work.worker);
  check.name("queue", work.queue);
  check.require(!work.worker.starts_with("Elixir."), "worker", "reserved_for_elixir",
                "must not begin with Elixir., which Elixir's own workers do");
  check.require(work.priority >= 0 && work.priority <= max_priority, "priority", "not_0_to_9", "has to be 0 to 9");
  check.require(work.max_attempts >= 1, "max_attempts", "less_than_one", "has to be at least 1");
  job_insert made{.queue = work.queue,
                  .worker = work.worker,
                  .args = check.object("args", work.args),
                  .meta = check.object("meta", work.meta),
                  .tags = check.text("tags", normalised_tags(work.tags)),
                  .priority = work.priority,
                  .max_attempts = work.max_attempts,
                  .scheduled_at = work.scheduled_at};
  if (check.failed()) return std::unexpected(std::move(check).refusal());
  return made;
}

result<job> to_job(const job_row& row) {
  try {
    return job{.id = row.id,
               .state = row.state,
               .queue = row.queue,
               .worker = row.worker,
               .args = json::parse(row.args),
               .meta = json::parse(row.meta),
               .tags = json::parse(row.tags).get<std::vector<std::string>>(),
               .errors = json::parse(row.errors),
               .attempt = row.attempt,
               .max_attempts = row.max_attempts,
               .priority = row.priority,
               .inserted_at = row.inserted_at,
               .scheduled_at = row.scheduled_at,
               .attempted_at = row.attempted_at,
               .attempted_by = json::parse(row.attempted_by).get<std::vector<std::string>>(),
               .completed_at = row.completed_at,
               .discarded_at = row.discarded_at,
               .cancelled_at = row.cancelled_at};
  } catch (const json::exception& e) {
    return std::unexpected(
        error{.code = errc::storage, .message = "job " + to_string(row.id) + " can't be read: " + e.what()});
  }
}

json to_json(const job& row) {
  json out = {{"id", row.id.value},
              {"state", to_string(row.state)},
              {"queue", row.queue},
              {"worker", row.worker},
              {"args", row.args},
              {"meta", row.meta},
              {"tags", row.tags},
              {"errors", row.errors},
              {"attempt", row.attempt},
              {"max_attempts", row.max_attempts},
              {"priority", row.priority},
              {"inserted_at", squid_mesh::to_string(row.inserted_at)},
              {"scheduled_at", squid_mesh::to_string(row.scheduled_at)},
              {"attempted_by", row.attempted_by}};
  const auto put = [&out](const char* name, const std::optional<time_point>& at) {
    if (at) out[name] = squid_mesh::to_string(*at);
  };
  put("attempted_at", row.attempted_at);
  put("completed_at", row.completed_at);
  put("discarded_at", row.discarded_at);
  put("cancelled_at", row.cancelled_at);
  return out;
}

std::chrono::seconds default_backoff(int attempt, int max_attempts) {
  constexpr int scaled_to = 20;
  const double exponent = max_attempts <= scaled_to ? attempt : std::round(1.0 * attempt / max_attempts * scaled_to);
  // Above 2^40 the job will not come back in anybody's lifetime anyway, and the time would overflow.
  return std::chrono::seconds(15 + static_cast<std::int64_t>(std::exp2(std::min(exponent, 40.0))));
}

job_change after_failure(const job_row& row, std::string reason, std::optional<microseconds> delay, time_point now,
                         double chance) {
  if (row.attempt >= row.max_attempts) return {.is = job_change::kind::discard, .reason = std::move(reason)};
  const microseconds backoff = default_backoff(row.attempt, row.max_attempts);
  const auto jittered = backoff + std::chrono::duration_cast<microseconds>(backoff * (0.1 * chance));
  return {.is = job_change::kind::retry, .at = now + delay.value_or(jittered), .reason = std::move(reason)};
}

outcome done() { return {}; }
outcome failed(std::string reason, std::optional<microseconds> delay) {
  return {.is = outcome::kind::failed, .reason = std::move(reason), .delay = delay};
}
outcome snooze(microseconds delay) { return {.is = outcome::kind::snoozed, .delay = delay}; }
outcome cancel(std::string reason) { return {.is = outcome::kind::cancelled, .reason = std::move(reason)}; }
outcome discard(std::string reason) { return {.is = outcome::kind::discarded, .reason = std::move(reason)}; }

}  // namespace squid_mesh::inline v1::jobs
