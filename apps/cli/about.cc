// The command line about itself: completions and the manual.
#include "commands.h"
#include "completion.h"
#include "filters.h"
#include "manual.h"

#include <memory>
#include <string>

namespace squid_mesh::cli {
namespace {

std::string completion_for(const std::string& shell, const command_words& program) {
  if (shell == "bash") return bash_completion(program);
  return shell == "zsh" ? zsh_completion(program) : fish_completion(program);
}

}  // namespace

void add_about(CLI::App& app, context& with, const std::string& version) {
  {
    CLI::App& command = *app.add_subcommand("completion", "Print a script with which a shell completes commands");
    auto shell = std::make_shared<std::string>();
    command.add_option("SHELL", *shell, "bash, zsh or fish")->check(one_of({"bash", "zsh", "fish"}))->required();
    command.footer("bash: source <(" + with.host().program +
                   " completion bash)\nzsh, after compinit: the same with zsh\nfish: " + with.host().program +
                   " completion fish | source");
    command.callback([&app, &with, shell] { with.out() << completion_for(*shell, read_grammar(app)); });
  }
  app.add_subcommand("man", "Print the manual page: pipe it to `man -l -`")->callback([&app, &with, version] {
    with.out() << manual_page(read_grammar(app), version);
  });
}

}  // namespace squid_mesh::cli
