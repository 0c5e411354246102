// Runs that have come to some stage.
#pragma once

#include "progress/driven_run.h"

namespace squid_mesh::testing {

using namespace std::chrono_literals;

/// work (2 attempts) -> rest -> gate -> last.
inline std::shared_ptr<const definition> four_steps() {
  return read_workflow(
      R"([{"name": "work", "output": "done", "retry": {"max_attempts": 2, "backoff": {"min_ms": 1000, "max_ms": 1000}}},
          {"name": "rest", "kind": "wait", "wait": {"duration_ms": 5000}}, {"name": "gate", "kind": "pause"},
          {"name": "last"}])",
      R"([{"from": "work", "to": "rest"}, {"from": "rest", "to": "gate"}, {"from": "gate", "to": "last"},
          {"from": "last", "to": "complete"}])");
}

inline driven_run at_work() {
  driven_run run(four_steps());
  run.deliver();
  return run;
}

inline driven_run retrying() {
  driven_run run = at_work();
  run.fail(retryable("flaked"));
  return run;
}

inline driven_run waiting() {
  driven_run run = at_work();
  run.succeed();
  return run;
}

inline driven_run paused() {
  driven_run run = waiting();
  run.now += 5s;
  run.deliver();
  return run;
}

inline driven_run failed() {
  driven_run run = at_work();
  run.fail(permanent("no"));
  return run;
}

/// a, b and c begin; end joins them.
inline driven_run three_begun() {
  driven_run run(read_workflow(R"([{"name": "a", "output": "a"}, {"name": "b", "output": "b"},
                                   {"name": "c", "output": "c"}, {"name": "end", "after": ["a", "b", "c"]}])"));
  for (const char* branch : {"a", "b", "c"}) run.deliver_to(branch);
  return run;
}

}  // namespace squid_mesh::testing
