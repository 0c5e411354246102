// Runs that go out as documents, and come in as runs to be looked at.
#include "retention/retention_world.h"

#include <squid_mesh/graph.hpp>

namespace squid_mesh::testing {
namespace {

constexpr auto secretive = workflow({
    .name = "test.secretive",
    .triggers = {{.name = "manual",
                  .payload = {{"plan", type::string, secret},
                              {"pin", type::integer, secret},
                              {"vip", type::boolean, secret},
                              {"n", type::integer, value(1)}}}},
    .steps = {{"read", bound_action, {.output = "read"}},
              {"gold", bound_action, {.input = {"plan", "n"}, .retry = {.max_attempts = 1}}},
              {"dear", bound_action},
              {"cheap", bound_action}},
    .transitions = {{"read", on::ok, "gold", equals("plan", "gold-plated")},
                    {"read", on::ok, "cheap"},
                    {"gold", on::ok, "dear", greater_than("read.total", 4000)},
                    {"gold", on::ok, "cheap"},
                    {"dear", on::ok, complete},
                    {"cheap", on::ok, complete}},
});

class documents : public retention_world {
 protected:
  mesh open_elsewhere() {
    return must(
        mesh::open({.database = elsewhere_->url(), .log = [](level, std::string_view) {}, .node_name = "other"}));
  }
  /// What a run looks like, but for what says that it was imported.
  static json looks(const mesh& m, const run_id& id) {
    json seen = to_json(must(m.inspect_run(id, {.include_history = true})));
    seen.erase("imported_at");
    return {seen, to_json(must(m.inspect_graph(id)))};
  }
  /// Whether nothing at all of a run changes while a node works.
  void expect_left_alone(mesh& m, test_database& database, const run_id& id) {
    const json before = must(m.export_run(id)).at("facts");
    add_all(m);
    must(m.start({.retention = {everything}}));
    EXPECT_EQ(ended(m, must(m.start_run(another)).id).status, run_status::completed);
    EXPECT_EQ(must(m.export_run(id)).at("facts"), before);
    EXPECT_EQ(database.query("SELECT count(*) FROM oban_jobs WHERE CAST(args AS TEXT) LIKE '%" + to_string(id) + "%'"),
              "0");
    m.stop();
  }
  static void expect_refused(const auto& outcome) {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, errc::conflict);
    EXPECT_EQ(outcome.error().kind, "imported");
  }

  std::unique_ptr<test_database> elsewhere_ = GetParam().make();
};

TEST_P(documents, say_the_whole_run) {
  mesh m = open();
  add_all(m);
  must(m.start());
  const run_id id = must(m.start_run("test.single_step", {{"n", 3}}, {.idempotency_key = "k", .priority = 2})).id;
  must(m.await_run(id, 30s));
  m.stop();
  const json document = must(m.export_run(id));
  EXPECT_EQ(document.at("format"), "squid_mesh.run");
  EXPECT_EQ(document.at("version"), 1);
  EXPECT_TRUE(document.at("exported_at").is_string());
  const json& run = document.at("run");
  EXPECT_EQ(run.at("id"), to_string(id));
  EXPECT_EQ(run.at("payload"), (json{{"n", 3}}));
  EXPECT_EQ(run.at("start_key"), "k");
  EXPECT_EQ(run.at("priority"), 2);
  EXPECT_EQ(run.at("status"), "completed");
  EXPECT_EQ(document.at("definition").at("name"), "test.single_step");
  ASSERT_EQ(document.at("facts").size(), 1U);
  EXPECT_EQ(document.at("facts")[0].at("kind"), "step_completed");
  EXPECT_EQ(document.at("facts")[0].at("data"), 3);
  EXPECT_EQ(document.at("facts")[0].at("transition"), 0);
  ASSERT_EQ(document.at("jobs").size(), 1U) << "the run's finished job is on record until it is pruned";
  EXPECT_EQ(document.at("jobs")[0].at("state"), "completed");
  EXPECT_EQ(m.export_run(*run_id::parse("01890000-0000-7000-8000-000000000000")).error().code, errc::not_found);
}

TEST_P(documents, look_elsewhere_as_they_did_here) {
  mesh here = open();
  mesh there = open_elsewhere();
  add_all(here);
  must(here.start());
  std::vector<run_id> ids{run_to_end(here, single), run_to_end(here, single, {{"n", -1}}), run_to_end(here, wide)};
  must(here.retry_run(ids[1], {{.actor = "ada", .reason = "again"}, {{"work", {{"n", 8}}}}}));
  ASSERT_TRUE(reaches(here, ids[1], run_status::completed));
  const run_id approved = must(here.start_run(gated)).id;
  ASSERT_TRUE(reaches(here, approved, run_status::paused));
  must(here.signal_run(approved, "unheard of", {{"x", 1}}));
  must(here.approve_run(approved, {.actor = "ada", .comment = "fine", .metadata = {{"ticket", 7}}}));
  must(here.reject_run(approved, {.actor = "bob"}));
  ids.push_back(approved);
  must(here.await_run(approved, 30s));
  const run_id cancelled = must(here.start_run(patient)).id;
  must(here.cancel_run(cancelled, {.actor = "ada"}));
  must(here.await_run(cancelled, 30s));
  ids.push_back(cancelled);
  ids.push_back(must(here.replay_run(ids[0], {{.actor = "ada", .idempotency_key = "again"}})).id);
  must(here.await_run(ids.back(), 30s));
  for (const run_id& id : ids) {
    const json document = must(here.export_run(id));
    const run_ref imported = must(there.import_run(json::parse(document.dump())));
    EXPECT_EQ(imported.id, id);
    EXPECT_FALSE(imported.existing);
    EXPECT_EQ(looks(there, id), looks(here, id));
    const run_view seen = must(there.inspect_run(id));
    ASSERT_TRUE(seen.imported_at);
    EXPECT_EQ(to_json(seen).at("imported_at"), to_string(*seen.imported_at));
    const explanation why = must(there.explain_run(id));
    EXPECT_EQ(why.reason, must(here.explain_run(id)).reason);
    EXPECT_NE(why.summary.find("; imported at "), std::string::npos) << why.summary;
    EXPECT_EQ(why.evidence.at("imported_at"), to_string(*seen.imported_at));
    EXPECT_TRUE(why.next_actions.empty());
  }
  const run_page page = must(there.list_runs());
  EXPECT_EQ(page.runs.size(), ids.size());
  for (const run_summary& each : page.runs) EXPECT_TRUE(each.imported_at);
  for (const run_summary& each : must(here.list_runs()).runs) EXPECT_FALSE(each.imported_at);
}

TEST_P(documents, of_imported_runs_are_the_same_documents) {
  mesh here = open();
  mesh there = open_elsewhere();
  add_all(here);
  must(here.start());
  const run_id id = run_to_end(here, single);
  json first = must(here.export_run(id));
  must(there.import_run(first));
  json second = must(there.export_run(id));
  EXPECT_TRUE(second.at("run").contains("imported_at"));
  second["run"].erase("imported_at");
  for (const char* key : {"exported_at", "jobs"}) {
    first.erase(key);
    second.erase(key);
  }
  EXPECT_EQ(second, first);
}

// -- Secrets

TEST_P(documents, never_say_a_secret_and_still_know_where_the_run_went) {
  mesh here = open();
  mesh there = open_elsewhere();
  must(here.add(secretive, {{"read", make_handler([](const json& input) -> result<json> {
                               return json{{"total", input.at("pin")}, {"plan", input.at("plan")}, {"vip", true}};
                             })},
                            {"gold", make_handler([](const json& input) -> result<json> {
                               if (input.at("n") == 1) {
                                 return std::unexpected(
                                     permanent("plan " + input.at("plan").get<std::string>() + " is over"));
                               }
                               return json{{"vip", true}, {"text", "on " + input.at("plan").get<std::string>()}};
                             })},
                            {"dear", note()},
                            {"cheap", note()}}));
  must(here.start());
  const json payload = {{"plan", "gold-plated"}, {"pin", 4711}, {"vip", true}};
  const run_id id = must(here.start_run("test.secretive", payload, {.idempotency_key = "for gold-plated"})).id;
  must(here.await_run(id, 30s));
  must(here.retry_run(id, {{.actor = "gold-plated", .reason = "pin 4711, plan gold-plated"},
                           {{"gold", {{"n", 2}, {"plan", "platinum-plated"}}}}}));
  ASSERT_TRUE(reaches(here, id, run_status::completed));
  EXPECT_EQ(seen_.lines(), std::vector<std::string>{"dear"});

  const json document = must(here.export_run(id));
  const std::string told = json({document.at("run"), document.at("facts"), document.at("jobs")}).dump();
  for (const char* word : {"gold-plated", "4711", "platinum-plated", "true"}) {
    EXPECT_EQ(told.find(word), std::string::npos) << word << " in " << told;
  }
  EXPECT_EQ(document.at("run").at("payload").at("vip"), "********");
  EXPECT_EQ(document.at("facts")[0].at("data").at("total"), "********");

  must(there.import_run(document));
  EXPECT_EQ(looks(there, id).at(1), looks(here, id).at(1)) << "the conditions are not asked again";
  const run_view seen = must(there.inspect_run(id));
  EXPECT_EQ(status_of(seen, "dear"), step_status::completed);
  EXPECT_EQ(status_of(seen, "cheap"), step_status::skipped);
  EXPECT_EQ(to_json(must(here.inspect_run(id, {.include_history = true}))).dump().find("platinum-plated"),
            std::string::npos)
      << "what a person sets in the place of a secret is one, too";
  json again = must(there.export_run(id));
  EXPECT_EQ(again.at("facts"), document.at("facts"));
}

// -- Runs that had not ended

TEST_P(documents, of_runs_that_go_on_are_only_looked_at) {
  mesh here = open();
  mesh there = open_elsewhere();
  add_all(here);
  const run_id pending = must(here.start_run(single)).id;
  const run_id forked = must(here.start_run(wide)).id;
  const json of_pending = must(here.export_run(pending));
  const json of_forked = must(here.export_run(forked));
  must(here.start());
  const run_id paused = must(here.start_run(gated)).id;
  const run_id waiting = must(here.start_run("test.patient", json::object(), {.time_limit = 2h})).id;
  ASSERT_TRUE(reaches(here, paused, run_status::paused));
  ASSERT_TRUE(until([&] { return status_of(must(here.inspect_run(waiting)), "rest") == step_status::waiting; }));
  must(here.approve_run(paused, {.actor = "ada"}));
  const json of_paused = must(here.export_run(paused));
  const json of_waiting = must(here.export_run(waiting));
  EXPECT_EQ(of_paused.at("run").at("status"), "paused");
  for (const json* each : {&of_pending, &of_forked, &of_paused, &of_waiting}) must(there.import_run(*each));
  EXPECT_EQ(elsewhere_->query("SELECT count(*) FROM oban_jobs"), "0");
  EXPECT_EQ(elsewhere_->query("SELECT count(*) FROM squid_mesh_branches"), "0");

  EXPECT_EQ(must(there.inspect_run(pending)).status, run_status::pending);
  EXPECT_EQ(must(there.inspect_run(paused)).status, run_status::paused);
  const explanation why = must(there.explain_run(paused));
  EXPECT_EQ(why.reason, run_reason::imported);
  EXPECT_EQ(to_json(why).at("reason"), "imported");
  EXPECT_NE(why.summary.find("Waiting for approval of \"agree\""), std::string::npos) << why.summary;
  EXPECT_TRUE(why.summary.starts_with("Imported at ")) << why.summary;
  EXPECT_TRUE(why.next_actions.empty());
  EXPECT_NE(must(there.explain_run(waiting)).summary.find("waits until"), std::string::npos);
  EXPECT_NE(must(there.explain_run(pending)).summary.find("was due or running"), std::string::npos);
  for (const run_id& id : {pending, forked, paused, waiting}) expect_left_alone(there, *elsewhere_, id);
}

TEST_P(documents, make_runs_that_no_command_changes) {
  mesh here = open();
  mesh there = open_elsewhere();
  add_all(here);
  must(here.start());
  const run_id failed = run_to_end(here, single, {{"n", -1}});
  const run_id paused = must(here.start_run(gated)).id;
  ASSERT_TRUE(reaches(here, paused, run_status::paused));
  add_all(there);
  for (const run_id& id : {failed, paused}) {
    must(there.import_run(must(here.export_run(id))));
    const json before = must(there.export_run(id)).at("facts");
    expect_refused(there.approve_run(id, {.actor = "ada"}));
    expect_refused(there.reject_run(id, {.actor = "ada"}));
    expect_refused(there.unblock_run(id));
    expect_refused(there.signal_run(id, "e"));
    expect_refused(there.cancel_run(id));
    expect_refused(there.retry_run(id));
    expect_refused(there.replay_run(id));
    expect_refused(there.replay_run(id, {.newest_definition = true, .allow_irreversible = true}));
    EXPECT_EQ(must(there.export_run(id)).at("facts"), before);
  }
  const auto cancelled = must(there.cancel_runs({}));
  ASSERT_EQ(cancelled.size(), 1U);
  expect_refused(cancelled[0].outcome);
  expect_refused(must(there.retry_runs({})).at(0).outcome);
}

TEST_P(documents, make_runs_that_no_job_moves) {
  mesh here = open();
  mesh there = open_elsewhere();
  add_all(here);
  const run_id id = must(here.start_run("test.single_step", json::object(), {.time_limit = 24h})).id;
  must(there.import_run(must(here.export_run(id))));
  add_all(there);
  const auto insert = [&](const std::string& worker, const std::string& more) {
    elsewhere_->execute("INSERT INTO oban_jobs (queue, worker, args" +
                        std::string(more.empty() ? "" : ", state, attempt") + ") VALUES ('squid_mesh', '" + worker +
                        "', '{\"run_id\":\"" + to_string(id) + "\"}'" + more + ")");
  };
  insert("squid_mesh.run", "");
  insert("squid_mesh.run", ", 'executing', 1");
  insert("squid_mesh.deadline", "");
  must(there.start({.lease = 400ms}));
  ASSERT_TRUE(until([&] {
    return elsewhere_->query("SELECT count(*) FROM oban_jobs WHERE state NOT IN ('completed', 'discarded')") == "0";
  }));
  EXPECT_EQ(must(there.export_run(id)).at("facts"), json::array());
  EXPECT_EQ(must(there.inspect_run(id)).status, run_status::pending);
}

// -- Importing again

TEST_P(documents, come_in_once) {
  mesh here = open();
  mesh there = open_elsewhere();
  add_all(here);
  must(here.start());
  const run_id id = run_to_end(here, single);
  json document = must(here.export_run(id));
  EXPECT_FALSE(must(there.import_run(document)).existing);
  EXPECT_TRUE(must(there.import_run(document)).existing);
  EXPECT_TRUE(must(here.import_run(document)).existing) << "the original is there";
  EXPECT_FALSE(must(here.inspect_run(id)).imported_at);
  document["run"]["started_at"] = "2026-01-01T00:00:00Z";
  const auto refused = there.import_run(document);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::conflict);
  EXPECT_EQ(refused.error().kind, "another_run");
  EXPECT_EQ(here.remove_imported_run(id).error().kind, "not_imported");
  must(there.remove_imported_run(id));
  EXPECT_EQ(there.remove_imported_run(id).error().code, errc::not_found);
  EXPECT_EQ(elsewhere_->query("SELECT count(*) FROM squid_mesh_events"), "0");
  EXPECT_FALSE(must(there.import_run(document)).existing);
}

TEST_P(documents, bring_back_what_was_deleted_without_its_key) {
  mesh m = open();
  add_all(m);
  must(m.start());
  const start_options once{.idempotency_key = "once"};
  const run_id id = must(m.start_run("test.single_step", json::object(), once)).id;
  must(m.await_run(id, 30s));
  json document;
  EXPECT_EQ(must(m.prune_runs(everything, {.export_to = [&](const json& each) -> result<void> {
                                document = each;
                                return {};
                              }}))
                .pruned,
            1U);
  EXPECT_FALSE(must(m.import_run(document)).existing);
  EXPECT_EQ(must(m.inspect_run(id)).start_key, "once");
  const run_ref next = must(m.start_run("test.single_step", json::object(), once));
  EXPECT_FALSE(next.existing);
  EXPECT_NE(next.id, id);
  must(m.await_run(next.id, 30s));
  EXPECT_EQ(must(m.prune_runs(everything)).pruned, 1U);
  EXPECT_TRUE(is_there(m, id)) << "retention leaves imported runs alone";
}

// -- Broken documents

struct breakage {
  const char* pointer;  ///< what is broken
  json value;           ///< what it becomes; discarded: it is taken away
  const char* path;     ///< what the first problem names
};

TEST_P(documents, that_are_broken_are_refused_with_the_place_and_leave_nothing) {
  mesh here = open();
  mesh there = open_elsewhere();
  add_all(here);
  must(here.start());
  const run_id id = must(here.start_run(gated)).id;
  ASSERT_TRUE(reaches(here, id, run_status::paused));
  must(here.approve_run(id, {.actor = "ada"}));
  must(here.approve_run(id, {.actor = "bob"}));
  must(here.await_run(id, 30s));
  const json good = must(here.export_run(id));
  ASSERT_EQ(good.at("facts").size(), 5U);
  const json gone(json::value_t::discarded);
  const json other_definition = must(here.export_run(run_to_end(here, another))).at("definition");
  const std::vector<breakage> all{
      {"/format", "another", "format"},
      {"/format", gone, "format"},
      {"/version", 2, "version"},
      {"/version", "1", "version"},
      {"/exported_at", "yesterday", "exported_at"},
      {"/more", 1, ""},
      {"/run", gone, "run"},
      {"/run", json::array(), "run"},
      {"/run/more", 1, "run"},
      {"/run/id", "me", "run.id"},
      {"/run/id", "", "run.id"},
      {"/run/workflow", "test.other", "run.workflow"},
      {"/run/workflow", 7, "run.workflow"},
      {"/run/trigger", "never", "run.trigger"},
      {"/run/queue", std::string("a\0b", 3), "run.queue"},
      {"/run/queue", std::string(2000, 'q'), "run.queue"},
      {"/run/priority", 10, "run.priority"},
      {"/run/priority", 1.5, "run.priority"},
      {"/run/payload", "text", "run.payload"},
      {"/run/payload", gone, "run.payload"},
      {"/run/origin", json::array(), "run.origin"},
      {"/run/started_at", "", "run.started_at"},
      {"/run/started_at", gone, "run.started_at"},
      {"/run/deadline", 5, "run.deadline"},
      {"/run/start_key", "\n", "run.start_key"},
      {"/run/status", "dreaming", "run.status"},
      {"/run/status", "failed", "run.status"},
      {"/run/status", "running", "run.ended_at"},
      {"/run/ended_at", gone, "run.ended_at"},
      {"/run/definition", std::string(64, 'a'), "run.definition"},
      {"/definition", gone, "definition"},
      {"/definition", other_definition, "run.definition"},
      {"/definition", json::object(), "definition.name"},
      {"/definition/steps/0/kind", "dance", "definition.steps[0].kind"},
      {"/definition/transitions/0/to", "nowhere", "definition.transitions[0].to"},
      {"/definition/version", "another", "run.definition"},
      {"/facts", gone, "facts"},
      {"/facts", json::object(), "facts"},
      {"/facts/2", 5, "facts[2]"},
      {"/facts/2/seq", 4, "facts[2].seq"},
      {"/facts/0/seq", 0, "facts[0].seq"},
      {"/facts/2/seq", gone, "facts[2].seq"},
      {"/facts/2/kind", "danced", "facts[2].kind"},
      {"/facts/2/kind", "step_completed", "facts[2]"},
      {"/facts/2/step", "first", "facts[2]"},
      {"/facts/2/step", "unknown", "facts[2]"},
      {"/facts/2/at", "then", "facts[2].at"},
      {"/facts/2/at", "1950-01-01T00:00:00Z", "facts[2].at"},
      {"/facts/2/more", 1, "facts[2]"},
      {"/facts/2/data", "text", "facts[2].data"},
      {"/facts/2/data/actor", 7, "facts[2]"},
      {"/facts/1/data/until", "soon", "facts[1].data.until"},
      {"/facts/1/data/until", std::int64_t{9'000'000'000'000'000'000}, "facts[1].data.until"},
      {"/facts/0/data", json{{"x", "\xFF"}}, ""},
      {"/facts/0/transition", 1, "facts[0].transition"},
      {"/facts/0/transition", gone, "facts[1]"},
      {"/facts/0/transition", 99, "facts[0].transition"},
      {"/facts/0/transition", -1, "facts[0].transition"},
      {"/facts/1/transition", 0, "facts[1].transition"},
      {"/facts/4", gone, "run.status"},
      {"/facts/1", gone, "facts[1].seq"},
      {"/jobs", json::object(), "jobs"},
  };
  for (const breakage& each : all) {
    json broken = good;
    const json::json_pointer at(each.pointer);
    if (!each.value.is_discarded()) {
      broken[at] = each.value;
    } else if (json& parent = broken[at.parent_pointer()]; parent.is_array()) {
      parent.erase(std::stoul(at.back()));
    } else {
      parent.erase(at.back());
    }
    const auto refused = there.import_run(broken);
    ASSERT_FALSE(refused) << each.pointer << " " << each.path;
    EXPECT_EQ(refused.error().code, errc::invalid_argument) << each.pointer;
    ASSERT_FALSE(refused.error().problems.empty()) << each.pointer;
    EXPECT_EQ(refused.error().problems[0].path, each.path) << each.pointer << ": " << to_string(refused.error());
    EXPECT_NE(refused.error().message.find(each.path), std::string::npos);
  }
  for (const json& nonsense : {json(), json("text"), json::array(), json::object()}) {
    EXPECT_EQ(there.import_run(nonsense).error().code, errc::invalid_argument);
  }
  for (const char* table : {"squid_mesh_runs", "squid_mesh_events", "squid_mesh_definitions"}) {
    EXPECT_EQ(elsewhere_->query("SELECT count(*) FROM " + std::string(table)), "0") << table;
  }
  must(there.import_run(good));
}

TEST_P(documents, whose_data_would_break_what_shows_it_are_refused) {
  mesh here = open();
  mesh there = open_elsewhere();
  add_all(here);
  must(here.start());
  const run_id id = run_to_end(here, single, {{"n", -1}});
  const json good = must(here.export_run(id));
  ASSERT_EQ(good.at("facts")[0].at("kind"), "step_failed");
  for (const auto& [pointer, value, path] :
       std::vector<breakage>{{"/facts/0/data/error", "text", "facts[0].data.error"},
                             {"/facts/0/data/retry_at", 1.5, "facts[0].data.retry_at"},
                             {"/facts/0/data", json::array({1}), "facts[0].data"}}) {
    json broken = good;
    broken[json::json_pointer(pointer)] = value;
    const auto refused = there.import_run(broken);
    ASSERT_FALSE(refused) << pointer;
    EXPECT_EQ(refused.error().problems.at(0).path, path);
  }
  must(there.import_run(good));
}

INSTANTIATE_TEST_SUITE_P(databases, documents, both_databases(), database_name);

}  // namespace
}  // namespace squid_mesh::testing
