#!/bin/sh
# Builds the consumer without CMake, by what pkg-config says of the installed library, and runs it.
# Usage: pkg_config.sh <source> <program> <compiler and its flags> ...
set -eu
source=$1
program=$2
shift 2
# The word splitting of pkg-config's answer is wanted.
# shellcheck disable=SC2046
"$@" -std=c++23 "$source" -o "$program" $(pkg-config --cflags --libs squid_mesh)
"$program"
