#!/bin/sh
# Builds the consumer's programs without CMake, by what pkg-config says of the installed libraries, and runs them.
# Usage: pkg_config.sh <folder of the sources> <folder for the programs> <compiler and its flags> ...
set -eu
sources=$1
programs=$2
shift 2
version=$(pkg-config --modversion squid_mesh)

# build <module> <program> <compiler and its flags> ...
build() {
  module=$1
  program=$2
  shift 2
  # The word splitting of pkg-config's answer is wanted.
  # shellcheck disable=SC2046
  "$@" -std=c++23 "-DFOUND_VERSION=\"$version\"" "$sources/$program.cc" -o "$programs/${program}_by_pkg_config" \
    $(pkg-config --cflags --libs "$module")
}
build squid_mesh consumer "$@"
"$programs/consumer_by_pkg_config"
build squid_mesh_command_line host "$@"
[ "$("$programs/host_by_pkg_config" --version)" = "$version" ]
