// Valid workflows for tests to break.
#pragma once

#include <squid_mesh/json.hpp>

namespace squid_mesh::inline v1 {

/// With every kind of trigger and field, and transitions that only the outcome decides about.
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

/// With conditions, transitions that lead back, gates and an event that may be late.
inline json flow_document() {
  return json::parse(R"({
    "name": "demo.flow",
    "queue": "reviews",
    "triggers": [
      {"name": "nightly", "schedule": "0 3 * * *", "timezone": "Europe/Oslo",
       "missed": "run_all", "missed_limit": 5, "overlap": "skip",
       "payload": [{"name": "country", "type": "string", "default": "NO"}]}
    ],
    "steps": [
      {"name": "score", "output": "risk", "queue": "models", "compensatable": false},
      {"name": "approve", "kind": "approval", "output": "review",
       "approval": {"quorum": 2, "expires_in_ms": 86400000, "on_expiry": "error"}},
      {"name": "rework", "output": "draft",
       "compensate": {"retry": {"max_attempts": 3}, "timeout_ms": 5000, "transactional": true},
       "input": [{"name": "why", "path": "review.reason"}, {"name": "at", "path": "schedule"}]},
      {"name": "hold", "kind": "pause", "pause": {"expires_in_ms": 3600000}},
      {"name": "paid", "kind": "await_event", "await_event": {"name": "payment.received", "timeout_ms": 60000}},
      {"name": "remind", "kind": "log", "log": {"message": "Please pay"}, "queue": "texts"},
      {"name": "ship", "irreversible": true,
       "input": [{"name": "receipt", "path": "paid.id"}, {"name": "by", "path": "hold.by"}, {"name": "draft", "path": "draft"}]}
    ],
    "transitions": [
      {"from": "score", "to": "approve", "when": {"any": [
        {"path": "risk.score", "greater_than": 70},
        {"all": [{"path": "country", "in": ["NO", "SE"]}, {"not": {"path": "risk.waiver", "exists": true}}]},
        {"path": "risk.levels[0]", "not_equals": "low"},
        {"path": "risk.ratio", "less_than": 0.5}]}},
      {"from": "score", "to": "hold", "when": {"path": "risk.is_unclear", "equals": true}, "at_most": 2},
      {"from": "score", "to": "paid"},
      {"from": "approve", "to": "hold"},
      {"from": "approve", "on": "error", "to": "rework", "at_most": 3, "recovery": "compensation"},
      {"from": "approve", "on": "error", "to": "complete"},
      {"from": "rework", "to": "score", "at_most": 3},
      {"from": "rework", "to": "complete"},
      {"from": "hold", "to": "paid"},
      {"from": "paid", "to": "ship"},
      {"from": "paid", "on": "timeout", "to": "remind", "at_most": 2},
      {"from": "paid", "on": "timeout", "to": "complete"},
      {"from": "remind", "to": "paid"},
      {"from": "ship", "to": "complete"}
    ]
  })");
}

/// With steps side by side, and joins of them.
inline json joined_document() {
  return json::parse(R"({
    "name": "demo.joined",
    "triggers": [{"name": "manual", "payload": [{"name": "url", "type": "string"}]}],
    "steps": [
      {"name": "fetch", "output": "page", "input": [{"name": "url", "path": "url"}]},
      {"name": "prices", "output": "prices"},
      {"name": "check", "kind": "approval", "after": ["fetch"]},
      {"name": "merge", "output": "page", "after": ["prices", "check"],
       "input": [{"name": "page", "path": "page.body"}, {"name": "prices", "path": "prices"}, {"name": "by", "path": "check.by"}]},
      {"name": "arrived", "kind": "await_event", "await_event": {"name": "truck.arrived"}, "after": ["prices"]},
      {"name": "tell", "kind": "log", "log": {"message": "Merged"}, "after": ["merge", "arrived"]},
      {"name": "ship", "kind": "child", "child": {"workflow": "demo.deliver", "trigger": "now", "on_cancel": "abandon"},
       "output": "shipped", "retry": {"max_attempts": 2}, "timeout_ms": 1000, "after": ["merge"],
       "input": [{"name": "page", "path": "page"}]},
      {"name": "each", "kind": "for_each", "output": "all", "after": ["ship"],
       "for_each": {"list": "shipped.parcels", "parallel": 4, "on_failure": "tolerate", "tolerated": 0.25}}
    ]
  })");
}

}  // namespace squid_mesh::inline v1
