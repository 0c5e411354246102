// The parts of a diagnosis: each looks at one side of what was read.
#pragma once

#include "inspect/diagnosis.h"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

/// What several rules ask about the processes.
class crew {
 public:
  explicit crew(const health_reading& reading);

  [[nodiscard]] bool is_alive(const node_record& node) const { return node.expires_at > now_; }
  [[nodiscard]] const node_record* find(const std::string& id) const;
  [[nodiscard]] bool has_living() const { return !living_.empty(); }
  [[nodiscard]] const std::vector<const node_record*>& living() const { return living_; }
  /// Living processes that work on a queue, as far as they say so.
  [[nodiscard]] std::vector<const node_record*> at(const std::string& queue) const;
  /// Whether processes of Squid Mesh work on a queue, or have worked on it: others' queues are in the same table.
  [[nodiscard]] bool knows(const std::string& queue) const { return known_.contains(queue); }

 private:
  const health_reading& reading_;
  time_point now_;
  std::vector<const node_record*> living_;
  std::set<std::string> known_;
};

using findings = std::vector<finding>;

void judge_database(const health_reading& reading, findings& found);
void judge_nodes(const health_reading& reading, const crew& processes, findings& found);
void judge_queues(const health_reading& reading, const crew& processes, findings& found);
void judge_runs(const health_reading& reading, const crew& processes, findings& found);
void judge_schedules(const health_reading& reading, const crew& processes, findings& found);
void judge_jobs(const health_reading& reading, const crew& processes, findings& found);

/// The command with which a host's own program works on a queue.
std::string work_command(const std::string& queue);

}  // namespace squid_mesh::inline v1
