// squid-mesh: the command line for databases of Squid Mesh, without any workflow's code.
#include <squid_mesh/command_line.hpp>

int main(int argc, char** argv) { return squid_mesh::run_command_line({}, argc, argv); }
