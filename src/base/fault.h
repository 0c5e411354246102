// Fault points: places where a test may end the process, to see that nothing is lost or done twice.
#pragma once

namespace squid_mesh::fault {

/// Marks a place where a crash must be survivable. With the environment variable `SQUID_MESH_FAULT=kill:N` the N-th
/// point that the process reaches ends it with SIGKILL; otherwise it does nothing.
void point();

}  // namespace squid_mesh::fault
