// The command line in a program of a host's own.
#include <squid_mesh/command_line.hpp>

int main(int argc, char** argv) { return squid_mesh::run_command_line({.program = "host"}, argc, argv); }
