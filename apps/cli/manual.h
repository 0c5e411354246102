// What the program says about itself: at the end of its help, and as a manual page.
#pragma once

#include "grammar.h"

#include <string>

namespace squid_mesh::cli {

/// What is said at the end of each command's help.
std::string command_footer(const std::string& program);

/// Examples and exit codes, at the end of the program's.
std::string help_footer(const std::string& program);

/// The manual page, for `man`.
std::string manual_page(const command_words& program, const std::string& version);

}  // namespace squid_mesh::cli
