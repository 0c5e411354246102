// Seeing to it that schedules, and branches of runs, have the jobs that they need.
#pragma once

#include "model/records.h"
#include "storage/sqlite/writers.h"

#include <squid_mesh/time.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace squid_mesh::storage::sqlite {

// In an open transaction, all of them; what they do is said in `store`.

std::size_t mend(writers& to, const std::string& queue, time_point now, std::size_t limit);
void put_schedule(writers& to, const schedule_record& what, const std::string& queue, time_point now);
/// None where there is no such schedule.
std::optional<bool> set_schedule_paused(writers& to, std::string_view workflow, std::string_view trigger, bool paused,
                                        time_point next_at, time_point now);

}  // namespace squid_mesh::storage::sqlite
