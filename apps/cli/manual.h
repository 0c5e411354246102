// What the program says about itself: at the end of its help, and as a manual page.
#pragma once

#include "grammar.h"

#include <string>

namespace squid_mesh::cli {

/// Examples and exit codes.
std::string help_footer(const std::string& program);

/// The manual page, for `man`.
std::string manual_page(const command_words& program, const std::string& version);

}  // namespace squid_mesh::cli
