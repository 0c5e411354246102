// squid_mesh/squid_mesh.hpp - the whole library, but for what is opted into: `http.hpp`, `jobs.hpp`, and the
// host's own transactions in `postgres.hpp`, `pqxx.hpp` and `sqlite.hpp`.
#pragma once

#include <squid_mesh/action.hpp>
#include <squid_mesh/child.hpp>
#include <squid_mesh/compensation.hpp>
#include <squid_mesh/definition.hpp>
#include <squid_mesh/definition_diff.hpp>
#include <squid_mesh/diagnosis.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/explanation.hpp>
#include <squid_mesh/graph.hpp>
#include <squid_mesh/ids.hpp>
#include <squid_mesh/log.hpp>
#include <squid_mesh/mesh.hpp>
#include <squid_mesh/retention.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/schema.hpp>
#include <squid_mesh/step_context.hpp>
#include <squid_mesh/telemetry.hpp>
#include <squid_mesh/time.hpp>
#include <squid_mesh/version.hpp>
#include <squid_mesh/workflow.hpp>
