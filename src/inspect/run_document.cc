#include "inspect/run_document.h"

#include "inspect/run_mask.h"
#include "inspect/told_run.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

void put(json& out, const char* key, const std::optional<time_point>& at) {
  if (at) out[key] = to_string(*at);
}

json parsed(const std::string& text) { return json::parse(text, nullptr, false); }

/// Writes one run. What the engine itself says stays as it is, so that the journal can still be folded.
class document_writer {
 public:
  document_writer(const view_request& request, time_point now)
      : request_(request), now_(now), mask_(*request.definition, request.history) {}

  result<json> operator()() const {
    auto state = begin(request_.definition, request_.history.run);
    if (!state) return std::unexpected(std::move(state).error());
    auto facts = write_facts(*state);
    if (!facts) return std::unexpected(std::move(facts).error());
    json run = write(request_.history.run);
    run["status"] = to_string(told_status(request_.history.run.shown_status, *state));
    json jobs = json::array();
    for (const job_row& job : request_.jobs) jobs.push_back(write(job));
    return json{{"format", document_format},
                {"version", document_version},
                {"exported_at", to_string(now_)},
                {"run", std::move(run)},
                {"definition", request_.definition->to_json()},
                {"facts", *std::move(facts)},
                {"jobs", std::move(jobs)}};
  }

 private:
  [[nodiscard]] json write(const run_record& run) const {
    json out = {{"id", to_string(run.id)},
                {"workflow", run.workflow},
                {"definition", run.definition},
                {"trigger", run.trigger},
                {"payload", mask_.fields(mask_.payload())},
                {"started_at", to_string(run.started_at)},
                {"queue", run.queue},
                {"priority", run.priority}};
    if (!run.start_key.empty()) out["start_key"] = mask_(run.start_key);
    if (!run.origin.empty()) out["origin"] = write_origin(parsed(run.origin));
    if (run.parent) out["parent"] = to_string(*run.parent);
    put(out, "deadline", run.deadline);
    put(out, "ended_at", run.ended_at);
    put(out, "imported_at", run.imported_at);
    return out;
  }

  [[nodiscard]] json write_origin(const json& origin) const {
    json out = mask_(origin);
    for (const char* const own : {"replay_of", "parent"}) {
      if (auto said = member(origin, own)) out[own] = *std::move(said);
    }
    return out;
  }

  /// Folds them into the state on the way.
  [[nodiscard]] result<json> write_facts(run_state& state) const {
    json facts = json::array();
    for (const fact& each : request_.history.facts) {
      const std::vector<int> before = state.taken;
      if (auto applied = apply(state, each); !applied) return std::unexpected(std::move(applied).error());
      json out = write(each);
      const auto taken = std::ranges::mismatch(before, state.taken).in1;
      if (taken != before.end()) out["transition"] = taken - before.begin();
      facts.push_back(std::move(out));
    }
    return facts;
  }

  [[nodiscard]] json write(const fact& f) const {
    json out = {{"seq", f.seq}, {"kind", to_string(f.kind)}, {"at", to_string(f.at)}};
    if (!f.step.empty()) out["step"] = f.step;
    if (!f.node.empty()) out["node"] = f.node;
    put(out, "started_at", f.started_at);
    if (!f.data.empty()) out["data"] = write_data(f, parsed(f.data));
    return out;
  }

  [[nodiscard]] json write_data(const fact& f, const json& data) const {
    if (f.kind == fact_kind::step_completed || !data.is_object()) return masked(data);
    json out = json::object();
    for (const auto& [key, value] : data.items()) out[key] = write_member(key, value);
    return out;
  }

  [[nodiscard]] json write_member(const std::string& key, const json& value) const {
    if (is_the_engines(key)) return value;
    if (key == "name") return is_declared_event(value) ? value : masked(value);
    if (key == "input") return write_inputs(value);
    json out = masked(value);
    if (key == "error" && value.is_object() && value.contains("code")) out["code"] = value["code"];
    return out;
  }

  /// Members that only the engine writes, and that say nothing of what users gave it.
  static bool is_the_engines(const std::string& key) {
    const auto own = {"retry_at", "until", "quorum", "on_expiry", "idle", "as", "run",
                      "workflow", "count", "index",  "lane",      "from", "to", "renamed"};
    return std::ranges::find(own, key) != own.end();
  }

  [[nodiscard]] bool is_declared_event(const json& name) const {
    return name.is_string() && std::ranges::any_of(request_.definition->steps(), [&](const definition::step& step) {
             return step.event == name.get_ref<const std::string&>();
           });
  }

  /// What a person has set as the inputs of steps.
  [[nodiscard]] json write_inputs(const json& inputs) const {
    if (!inputs.is_object()) return masked(inputs);
    json out = json::object();
    for (const auto& [name, input] : inputs.items()) {
      const auto step = request_.definition->find_step(name);
      out[name] =
          step && input.is_object() ? mask_.input(request_.definition->steps()[*step], masked(input)) : masked(input);
    }
    return out;
  }

  [[nodiscard]] json masked(const json& value) const { return value.is_object() ? mask_.fields(value) : mask_(value); }

  [[nodiscard]] json write(const job_row& job) const {
    json out = {{"id", job.id.value},
                {"state", to_string(job.state)},
                {"queue", job.queue},
                {"worker", job.worker},
                {"args", parsed(job.args)},
                {"meta", mask_(parsed(job.meta))},
                {"tags", mask_(parsed(job.tags))},
                {"errors", mask_(parsed(job.errors))},
                {"attempt", job.attempt},
                {"max_attempts", job.max_attempts},
                {"priority", job.priority},
                {"attempted_by", parsed(job.attempted_by)},
                {"inserted_at", to_string(job.inserted_at)},
                {"scheduled_at", to_string(job.scheduled_at)}};
    put(out, "attempted_at", job.attempted_at);
    put(out, "completed_at", job.completed_at);
    put(out, "discarded_at", job.discarded_at);
    put(out, "cancelled_at", job.cancelled_at);
    return out;
  }

  const view_request& request_;
  const time_point now_;
  const run_mask mask_;
};

}  // namespace

run_status told_status(run_status shown, const run_state& state) {
  const run_status told = state.status();
  const bool is_due = told == run_status::pending || told == run_status::retrying;
  return shown == run_status::running && is_due ? shown : told;
}

result<json> write_document(const view_request& request, time_point now) { return document_writer(request, now)(); }

}  // namespace squid_mesh::inline v1
