// Runs as graphs, and what programs draw of them.
#include "inspect/graph.h"

#include "inspect/seen_run.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

constexpr auto scoring = R"({"name": "test.scoring", "triggers": [{"name": "manual"}], "steps": [
    {"name": "score", "kind": "action"},
    {"name": "review", "kind": "approval", "approval": {"quorum": 1, "expires_in_ms": 0}},
    {"name": "rest", "kind": "wait", "wait": {"duration_ms": 5000}},
    {"name": "refuse", "kind": "action"}],
  "transitions": [
    {"from": "score", "to": "review", "when": {"path": "risk", "greater_than": 70}},
    {"from": "score", "to": "rest", "when": {"all": [{"path": "a", "equals": "x"}, {"not": {"path": "b", "exists": true}}]}},
    {"from": "score", "to": "complete"},
    {"from": "review", "to": "complete"}, {"from": "review", "on": "error", "to": "refuse", "recovery": "undo"},
    {"from": "rest", "to": "score", "at_most": 2}, {"from": "rest", "to": "complete"},
    {"from": "refuse", "to": "complete"}]})";

constexpr auto diamond = R"({"name": "test.diamond", "triggers": [{"name": "manual"}], "steps": [
  {"name": "left", "kind": "action"}, {"name": "right", "kind": "action"},
  {"name": "join", "kind": "action", "after": ["left", "right"]}]})";

run_graph graph(const seen_run& run) { return graph_run(run.request).value(); }

texts edges_of(const run_graph& drawn) {
  texts all;
  for (const graph_edge& e : drawn.edges) all.push_back(e.id + " " + std::string(to_string(e.status)));
  return all;
}

texts nodes_of(const run_graph& drawn) {
  texts all;
  for (const graph_node& n : drawn.nodes) {
    all.push_back(n.id + " " + std::string(to_string(n.status)) + (n.is_current ? " current" : ""));
  }
  return all;
}

TEST(Graph, OfAWorkflowIsPending) {
  const run_graph drawn = graph_of(*read_definition(scoring));
  EXPECT_EQ(drawn.run, std::nullopt);
  EXPECT_EQ(drawn.workflow, "test.scoring");
  EXPECT_EQ(nodes_of(drawn),
            (texts{"score pending", "review pending", "rest pending", "refuse pending", "complete pending"}));
  EXPECT_EQ(edges_of(drawn),
            (texts{"score:ok:review:condition:1 pending", "score:ok:rest:condition:2 pending",
                   "score:ok:complete pending", "review:ok:complete pending", "review:error:refuse pending",
                   "rest:ok:score:condition:1 pending", "rest:ok:complete pending", "refuse:ok:complete pending"}));
  EXPECT_EQ(drawn.edges[0].recovery, "");
  EXPECT_EQ(drawn.edges[4].recovery, "undo");
  EXPECT_EQ(drawn.edges[0].condition, (json{{"path", "risk"}, {"greater_than", 70}}));
  EXPECT_EQ(drawn.edges[5].at_most, 2);
}

TEST(Graph, SaysWhichWayARunWentAndCanStillGo) {
  seen_run run(scoring);
  run.deliver("score");
  run.succeed("score", {{"risk", 90}});
  const run_graph drawn = graph(run);
  EXPECT_EQ(nodes_of(drawn),
            (texts{"score completed", "review running current", "rest pending", "refuse pending", "complete pending"}));
  EXPECT_EQ(edges_of(drawn),
            (texts{"score:ok:review:condition:1 selected", "score:ok:rest:condition:2 skipped",
                   "score:ok:complete skipped", "review:ok:complete pending", "review:error:refuse pending",
                   "rest:ok:score:condition:1 blocked", "rest:ok:complete blocked", "refuse:ok:complete pending"}));
  EXPECT_EQ(drawn.path, (texts{"score", "review"}));
  EXPECT_EQ(drawn.status, run_status::paused);
}

TEST(Graph, CountsTheRoundsOfACycle) {
  seen_run run(scoring);
  run.deliver("score");
  for (int i = 0; i < 2; ++i) {
    run.succeed("score", {{"a", "x"}});
    run.now += 5s;
    run.deliver("rest");
  }
  run.job("score", jobs::state::executing);
  const run_graph drawn = graph(run);
  EXPECT_EQ(drawn.path, (texts{"score", "rest", "score", "rest", "score"}));
  EXPECT_EQ(drawn.nodes[0].visits, 3);
  EXPECT_EQ(drawn.nodes[0].attempts, 3) << "with the one that runs";
  EXPECT_EQ(drawn.edges[1].taken, 2);
  EXPECT_EQ(drawn.edges[5].taken, 2);
  EXPECT_EQ(drawn.edges[5].status, edge_status::selected);
  EXPECT_EQ(drawn.edges[2].status, edge_status::pending) << "its step is at it again";
}

TEST(Graph, OfARunThatHasEnded) {
  seen_run run(scoring);
  run.deliver("score");
  run.succeed("score");
  const run_graph drawn = graph(run);
  EXPECT_EQ(nodes_of(drawn),
            (texts{"score completed", "review skipped", "rest skipped", "refuse skipped", "complete completed"}));
  EXPECT_EQ(drawn.edges[2].status, edge_status::selected);
  EXPECT_EQ(drawn.edges[3].status, edge_status::blocked);
  EXPECT_EQ(to_json(drawn.nodes[0]), json::parse(R"({"id": "score", "kind": "action", "status": "completed",
    "visits": 1, "attempts": 1, "is_current": false})"));
  EXPECT_EQ(to_json(drawn.edges[1])["condition"]["all"][0], (json{{"path", "a"}, {"equals", "x"}}));
  EXPECT_EQ(to_json(drawn)["path"], (json{"score"}));
  EXPECT_EQ(to_json(drawn)["status"], "completed");
}

TEST(Graph, OfDependencies) {
  seen_run run(diamond);
  run.deliver("left");
  run.succeed("left");
  EXPECT_EQ(edges_of(graph(run)), (texts{"left:after:join selected", "right:after:join pending"}));
  run.fail("right", permanent("broken"));
  EXPECT_EQ(edges_of(graph(run)), (texts{"left:after:join selected", "right:after:join skipped"}));
  EXPECT_EQ(nodes_of(graph(run)), (texts{"left completed", "right failed", "join skipped"}));
}

TEST(Graph, OfACancelledRunGoesNowhere) {
  seen_run run(diamond);
  run.deliver("left");
  run.cancel("ana", "", {"right"});
  EXPECT_EQ(edges_of(graph(run)), (texts{"left:after:join blocked", "right:after:join blocked"}));
}

TEST(Graph, IsMermaid) {
  seen_run run(scoring);
  run.deliver("score");
  run.succeed("score", {{"risk", 90}});
  EXPECT_EQ(to_mermaid(graph(run)), R"(flowchart TD
  n0["score<br/>action"]:::completed
  n1["review<br/>approval"]:::running
  style n1 stroke-width:3px
  n2["rest<br/>wait"]:::pending
  n3["refuse<br/>action"]:::pending
  n4(["complete"]):::pending
  n0 ==>|"ok if risk #62; 70"| n1
  n0 -.->|"ok if #40;a #61; #34;x#34; and not b exists#41;"| n2
  n0 -.->|"ok"| n4
  n1 -->|"ok"| n4
  n1 -->|"error, undo"| n3
  n2 -.->|"ok, at most 2 times"| n0
  n2 -.->|"ok"| n4
  n3 -->|"ok"| n4
  classDef pending fill:#f3f4f6,stroke:#374151,color:#111827
  classDef running fill:#bfdbfe,stroke:#374151,color:#111827
  classDef waiting fill:#fef08a,stroke:#374151,color:#111827
  classDef retrying fill:#fed7aa,stroke:#374151,color:#111827
  classDef completed fill:#bbf7d0,stroke:#374151,color:#111827
  classDef failed fill:#fecaca,stroke:#374151,color:#111827
  classDef skipped fill:#ffffff,stroke:#374151,color:#111827
  classDef cancelled fill:#d1d5db,stroke:#374151,color:#111827
)");
}

TEST(Graph, IsDot) {
  seen_run run(diamond);
  run.deliver("left");
  run.succeed("left");
  EXPECT_EQ(to_dot(graph(run)), R"(digraph "test.diamond" {
  node [shape=box, style="rounded,filled"];
  "left" [label="left\naction", fillcolor="#bbf7d0"];
  "right" [label="right\naction", fillcolor="#f3f4f6", penwidth=3];
  "join" [label="join\naction", fillcolor="#f3f4f6"];
  "left" -> "join" [label="after", style=bold];
  "right" -> "join" [label="after", style=solid];
}
)");
}

TEST(Graph, NamesAreEscaped) {
  const run_graph drawn{.run = {},
                        .workflow = "a\"b",
                        .status = {},
                        .nodes = {{.id = "x\"]; \\ <b>\n\xC3\xA4", .kind = "action"}},
                        .edges = {},
                        .path = {}};
  EXPECT_NE(to_mermaid(drawn).find("n0[\"x#34;#93;#59; #92; #60;b#62; \xC3\xA4<br/>action\"]"), std::string::npos)
      << to_mermaid(drawn);
  EXPECT_NE(to_dot(drawn).find("digraph \"a\\\"b\""), std::string::npos);
  EXPECT_NE(to_dot(drawn).find("\"x\\\"]; \\\\ <b> \xC3\xA4\" [label"), std::string::npos) << to_dot(drawn);
}

}  // namespace
}  // namespace squid_mesh::testing
