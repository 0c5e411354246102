// Scripts with which shells complete a command line.
#pragma once

#include "grammar.h"

#include <string>

namespace squid_mesh::cli {

/// For a program of this name. Each completes commands, options, values of which there are so many, and files.
std::string bash_completion(const command_words& program);
std::string zsh_completion(const command_words& program);
std::string fish_completion(const command_words& program);

}  // namespace squid_mesh::cli
