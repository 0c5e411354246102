// What the tests of retention share.
#pragma once

#include "language/language_world.h"

#include <string>
#include <vector>

namespace squid_mesh::testing {

constexpr auto single = workflow({
    .name = "test.single_step",
    .triggers = {{.name = "manual", .payload = {{"n", type::integer, value(1)}}}},
    .steps = {{"work", bound_action, {.input = {"n"}, .output = "worked", .retry = {.max_attempts = 1}}}},
    .transitions = {{"work", on::ok, complete}},
});

constexpr auto another = workflow({
    .name = "test.another",
    .triggers = {{.name = "manual"}},
    .steps = {{"work", bound_action}},
    .transitions = {{"work", on::ok, complete}},
});

constexpr auto wide = workflow({
    .name = "test.wide",
    .triggers = {{.name = "manual"}},
    .steps = {{"left", bound_action, {.output = "left"}},
              {"right", bound_action, {.output = "right"}},
              {"last", bound_action, {.output = "last", .after = {"left", "right"}}}},
});

constexpr auto patient = workflow({
    .name = "test.patient",
    .triggers = {{.name = "manual"}},
    .steps = {{"rest", wait{1h}}, {"last", bound_action}},
    .transitions = {{"rest", on::ok, "last"}, {"last", on::ok, complete}},
});

constexpr auto gated = workflow({
    .name = "test.gated",
    .triggers = {{.name = "manual"}},
    .steps = {{"first", bound_action, {.output = "first"}}, {"agree", approval{.quorum = 2}}, {"last", bound_action}},
    .transitions = {{"first", on::ok, "agree"},
                    {"agree", on::ok, "last"},
                    {"agree", on::error, complete},
                    {"last", on::ok, complete}},
});

class retention_world : public language {
 protected:
  void add_all(mesh& m) {
    must(m.add(single, {{"work", make_handler([](const json& input) -> result<json> {
                           if (input.at("n") < 0) return std::unexpected(permanent("it can't be negative"));
                           return input.at("n");
                         })}}));
    must(m.add(another, {{"work", note()}}));
    must(m.add(wide, {{"left", note(1)}, {"right", note(2)}, {"last", note(3)}}));
    must(m.add(patient, {{"last", note()}}));
    must(m.add(gated, {{"first", note(1)}, {"last", note()}}));
  }

  template <class Workflow>
  run_id run_to_end(mesh& m, const Workflow& of, const json& payload = json::object()) {
    const run_id id = must(m.start_run(of, payload)).id;
    must(m.await_run(id, 30s));
    return id;
  }

  std::string count(const std::string& what) { return database_->query("SELECT count(*) FROM " + what); }

  /// As if it had ended so long ago.
  void age(const run_id& id, milliseconds by) {
    const time_point then = std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now() - by);
    database_->execute("UPDATE squid_mesh_runs SET ended_at = " + database_->spell(then) +
                       " WHERE id = " + database_->spell(id));
  }

  static bool is_there(const mesh& m, const run_id& id) { return m.inspect_run(id).has_value(); }
};

inline const retention_policy everything{.max_age = 0ms};

}  // namespace squid_mesh::testing
