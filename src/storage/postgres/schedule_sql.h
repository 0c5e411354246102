// The statements about schedules, but for what commits change in them.
#pragma once

#include "model/records.h"
#include "storage/postgres/connection.h"
#include "storage/postgres/target.h"

#include <squid_mesh/time.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::postgres {

struct schedule_statements {
  explicit schedule_statements(const schema& tables);

  statement lock;    ///< workflow, trigger: alone in the schedule until the transaction ends
  statement put;     ///< workflow, trigger, expression, timezone, next_at, last_at, last_run, paused_at, queue, worker,
                     ///< args, now
  statement pause;   ///< workflow, trigger, now -> was it paused
  statement resume;  ///< workflow, trigger, next_at, worker, args, now -> was it paused
  statement list;
};

/// `store::put_schedule`.
void put_schedule(connection& database, const schedule_statements& sql, const schedule_record& what,
                  const std::string& queue, time_point now);
/// In the order of their workflows and triggers.
std::vector<schedule_record> list_schedules(connection& database, const schedule_statements& sql);
/// `store::set_schedule_paused`; none where there is no such schedule.
std::optional<bool> set_schedule_paused(connection& database, const schedule_statements& sql, std::string_view workflow,
                                        std::string_view trigger, bool paused, time_point next_at, time_point now);

}  // namespace squid_mesh::storage::postgres
