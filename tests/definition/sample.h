// A valid workflow for tests to break.
#pragma once

#include <squid_mesh/json.hpp>

namespace squid_mesh {

/// With every kind of trigger, field and step.
inline json sample_document() {
  return json::parse(R"({
    "name": "demo.sample",
    "version": "3",
    "triggers": [
      {"name": "by_hand", "timezone": "Europe/Berlin", "payload": [
        {"name": "url", "type": "string", "default": "https://example.com"},
        {"name": "limit", "type": "integer", "default": 10},
        {"name": "ratio", "type": "float", "default": 1},
        {"name": "dry_run", "type": "boolean", "default": false},
        {"name": "options", "type": "object", "default": {"a": [1, 2.5, null]}},
        {"name": "ids", "type": "list", "default": []},
        {"name": "day", "type": "string", "today": true},
        {"name": "token", "type": "string", "secret": true, "optional": true}
      ]},
      {"name": "nightly", "schedule": "30 2 * * MON-FRI", "timezone": "Asia/Tokyo"}
    ],
    "steps": [
      {"name": "fetch", "kind": "action", "output": "page", "timeout_ms": 30000,
       "input": [{"name": "url", "path": "url"}, {"name": "first", "path": "options.a[0]"}],
       "retry": {"max_attempts": 5, "backoff": {"min_ms": 1000, "max_ms": 60000, "factor": 2, "jitter": 0.5}}},
      {"name": "say", "kind": "log", "log": {"message": "Fetched", "level": "warning"}},
      {"name": "rest", "kind": "wait", "wait": {"duration_ms": 3600000}},
      {"name": "store", "input": [{"name": "body", "path": "page.body"}]},
      {"name": "give_up", "input": [{"name": "url", "path": "url"}]}
    ],
    "transitions": [
      {"from": "fetch", "on": "ok", "to": "say"},
      {"from": "fetch", "on": "error", "to": "give_up"},
      {"from": "say", "to": "rest"},
      {"from": "rest", "to": "store"},
      {"from": "store", "to": "complete"},
      {"from": "give_up", "to": "complete"}
    ]
  })");
}

}  // namespace squid_mesh
