// What the chaos test and its workers agree on: a workflow, what each attempt does, and the host's own tables.
#pragma once

#include <squid_mesh/squid_mesh.hpp>

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <string_view>

namespace squid_mesh::testing::chaos {

using namespace std::chrono_literals;

/// Losses count like failures, and there will be many.
inline constexpr retry_policy again{.max_attempts = 10'000, .backoff = constant(20ms, 1.0)};

/// Retries, a wait, an error transition, and steps that write to the host's tables in their own transaction.
inline constexpr auto order = workflow({
    .name = "chaos.order",
    .triggers = {{.name = "manual", .payload = {{"number", type::integer}}}},
    .steps = {{"reserve", bound_action, {.input = {"number"}, .output = "reserve", .retry = again}},
              {"charge",
               bound_action,
               {.input = {"number", "reserve"}, .output = "charge", .retry = again, .transactional = true}},
              {"rest", wait{100ms}},
              {"ship", bound_action, {.input = {"number", "charge"}, .output = "ship", .retry = again}},
              {"close",
               bound_action,
               {.input = {"number", "ship"}, .output = "close", .retry = again, .transactional = true}},
              {"refund",
               bound_action,
               {.input = {"number", "charge"}, .output = "refund", .retry = again, .transactional = true}}},
    .transitions = {{"reserve", on::ok, "charge"},
                    {"charge", on::ok, "rest"},
                    {"rest", on::ok, "ship"},
                    {"ship", on::ok, "close"},
                    {"ship", on::error, "refund"},
                    {"close", on::ok, complete},
                    {"refund", on::ok, complete}},
});

// -- The script: what happens in a run is a function of the number in its payload

constexpr bool can_ship(std::int64_t number) { return number % 10 != 3; }
constexpr bool can_close(std::int64_t number) { return number % 10 != 7; }

/// How a run has to end, and which of its steps leave a row in `effects`.
struct ending {
  run_status status = run_status::completed;
  std::multiset<std::string> effects;
};

inline ending ending_of(std::int64_t number) {
  if (!can_ship(number)) return {.status = run_status::completed, .effects = {"charge", "refund"}};
  if (!can_close(number)) return {.status = run_status::failed, .effects = {"charge"}};
  return {.status = run_status::completed, .effects = {"charge", "close"}};
}

/// What one attempt does, unless it is lost or interrupted: it takes its time, and then fails for now, fails for good,
/// or succeeds.
struct part {
  milliseconds takes{0};
  bool fails = false;
  bool refuses = false;
};

inline part part_of(std::int64_t number, std::string_view step, int attempt) {
  const std::string who = std::to_string(number) + std::string(step) + std::to_string(attempt);
  std::seed_seq seed(who.begin(), who.end());
  std::mt19937_64 dice(seed);
  const bool is_slow = dice() % 10 == 0;
  return {.takes = milliseconds(is_slow ? 100 + dice() % 200 : dice() % 10),
          .fails = dice() % 4 == 0,
          .refuses = (step == "ship" && !can_ship(number)) || (step == "close" && !can_close(number))};
}

inline constexpr std::string_view failure_words = "as the script says";

// -- The host's tables. They have no keys, which would hide what is done twice.

/// `begun`: which attempts have begun, noted before they do anything, outside of every transaction of the library's.
/// `effects`: what transactional steps have done.
inline constexpr const char* create_tables =
    "CREATE TABLE begun (run_id uuid, step text, attempt int, node text);"
    "CREATE TABLE effects (run_id uuid, step text)";

}  // namespace squid_mesh::testing::chaos
