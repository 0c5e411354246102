// The scripts have the same plan. They walk over the words before the cursor to find the command (` runs list`, with a
// blank before each word) and, if its value comes next, the option; then they offer what can follow.
#include "completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace squid_mesh::cli {
namespace {

/// A name that a shell's function can have.
std::string identifier(const std::string& program) {
  std::string name = "_" + program;
  std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

/// In single quotes, for bash and zsh.
std::string quoted(const std::string& text) { return "'" + CLI::detail::find_and_replace(text, "'", "'\\''") + "'"; }

std::string fish_quoted(std::string text) {
  text = CLI::detail::find_and_replace(text, "\\", "\\\\");
  return "'" + CLI::detail::find_and_replace(text, "'", "\\'") + "'";
}

/// ` runs list`
std::string key_of(const command_words& command) { return command.path.empty() ? "" : " " + command.path; }

/// The patterns of all commands.
std::vector<std::string> command_patterns(const command_words& program) {
  std::vector<std::string> patterns;
  visit(program, [&](const command_words& each) {
    if (!each.path.empty()) patterns.push_back(key_of(each));
  });
  return patterns;
}

/// A command with an option. Those of the program itself may stand behind every command.
std::vector<std::string> option_patterns(const command_words& command, const option_words& option) {
  std::vector<std::string> patterns;
  patterns.reserve(option.names.size());
  for (const std::string& name : option.names) {
    patterns.push_back((command.path.empty() ? "*" : key_of(command)) + " " + name);
  }
  return patterns;
}

/// The patterns of all options that have values.
std::vector<std::string> valued_patterns(const command_words& program) {
  std::vector<std::string> patterns;
  visit(program, [&](const command_words& each) {
    for (const option_words& option : each.options) {
      if (!option.value.empty()) std::ranges::copy(option_patterns(each, option), std::back_inserter(patterns));
    }
  });
  return patterns;
}

/// For the `case` of bash and zsh: quoted, but for a star in front.
std::string alternatives(const std::vector<std::string>& patterns) {
  std::string text;
  for (const std::string& each : patterns) {
    const bool is_open = each.starts_with('*');
    text += (text.empty() ? "" : "|") + std::string(is_open ? "*" : "") + quoted(each.substr(is_open ? 1 : 0));
  }
  return text;
}

std::string fish_patterns(const std::vector<std::string>& patterns) {
  std::string text;
  for (const std::string& each : patterns) text += " " + fish_quoted(each);
  return text;
}

/// What comes first of a command with arguments: its choices, or files.
const option_words* first_argument(const command_words& command) {
  return command.arguments.empty() ? nullptr : &command.arguments.front();
}

std::string join(const std::vector<std::string>& words) { return CLI::detail::join(words, " "); }

/// `--help` is the program's own already.
bool is_own(const command_words& command, const option_words& option) {
  return command.path.empty() || option.names.front() != "--help";
}

std::string option_names(const command_words& command) {
  std::vector<std::string> names;
  for (const option_words& each : command.options) {
    if (is_own(command, each)) names.push_back(each.names.front());
  }
  return join(names);
}

/// `name:description`, of which zsh shows both.
std::string described(const std::string& name, const std::string& description) {
  return quoted(CLI::detail::find_and_replace(name, ":", "\\:") + ":" + description);
}

std::string bash_values(const command_words& program) {
  std::string text;
  visit(program, [&](const command_words& each) {
    for (const option_words& option : each.options) {
      if (option.value.empty() || (option.choices.empty() && !option.takes_file())) continue;
      text += fmt::format("      {}) {} ;;\n", alternatives(option_patterns(each, option)),
                          option.takes_file() ? "files=yes" : "words=" + quoted(join(option.choices)));
    }
  });
  return text;
}

std::string bash_commands(const command_words& program) {
  std::string text;
  visit(program, [&](const command_words& each) {
    std::vector<std::string> words;
    words.reserve(each.commands.size());
    for (const command_words& below : each.commands) words.push_back(below.name);
    const option_words* const argument = first_argument(each);
    if (argument != nullptr) words = argument->choices;
    text += fmt::format("      {}) words={} options={}{} ;;\n", quoted(key_of(each)), quoted(join(words)),
                        quoted(option_names(each)), argument != nullptr && argument->takes_file() ? " files=yes" : "");
  });
  return text;
}

std::string zsh_values(const command_words& program) {
  std::string text;
  visit(program, [&](const command_words& each) {
    for (const option_words& option : each.options) {
      if (option.value.empty()) continue;
      std::string what = option.choices.empty() ? "_message " + quoted(option.value) : "";
      if (option.takes_file()) what = "_files";
      if (!option.choices.empty()) what = "compadd -- " + join(option.choices);
      text += fmt::format("      ({}) {} ;;\n", alternatives(option_patterns(each, option)), what);
    }
  });
  return text;
}

std::string zsh_commands(const command_words& program) {
  std::string text;
  visit(program, [&](const command_words& each) {
    text += fmt::format("    ({})\n", quoted(key_of(each)));
    for (const command_words& below : each.commands) {
      text += fmt::format("      subcommands+=({})\n", described(below.name, below.description));
    }
    if (const option_words* const argument = first_argument(each); argument != nullptr) {
      for (const std::string& choice : argument->choices) text += "      subcommands+=(" + quoted(choice) + ")\n";
      if (argument->takes_file()) text += "      files=yes\n";
    }
    for (const option_words& option : each.options) {
      if (!is_own(each, option)) continue;
      text += fmt::format("      flags+=({})\n", described(option.names.front(), option.description));
    }
    text += "      ;;\n";
  });
  return text;
}

std::string fish_option(const option_words& option) {
  std::string text;
  for (const std::string& name : option.names) {
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.takes_file()) {
    text += " -r -F";
  } else if (!option.value.empty()) {
    text += " -x";
  }
  if (!option.choices.empty() && option.has_commas) {
    text += " -a '(__fish_append , " + join(option.choices) + ")'";
  } else if (!option.choices.empty()) {
    text += " -a " + fish_quoted(join(option.choices));
  }
  return text + " -d " + fish_quoted(option.description);
}

std::string fish_lines(const command_words& program) {
  const std::string complete = "complete -c " + program.name;
  std::string text = complete + " -f\n";
  visit(program, [&](const command_words& each) {
    const std::string at =
        fmt::format("{} -n {}", complete, fish_quoted(identifier(program.name) + "_at \"" + key_of(each) + "\""));
    for (const command_words& below : each.commands) {
      text += fmt::format("{} -a {} -d {}\n", at, below.name, fish_quoted(below.description));
    }
    if (const option_words* const argument = first_argument(each); argument != nullptr) {
      if (!argument->choices.empty()) text += fmt::format("{} -a {}\n", at, fish_quoted(join(argument->choices)));
      if (argument->takes_file()) text += at + " -F\n";
    }
    // The program's own options may stand behind every command.
    for (const option_words& option : each.options) {
      if (is_own(each, option)) text += (each.path.empty() ? complete : at) + fish_option(option) + "\n";
    }
  });
  return text;
}

/// The script with its parts put in.
std::string filled(std::string script, const std::vector<std::pair<std::string, std::string>>& parts) {
  for (const auto& [name, text] : parts) {
    script = CLI::detail::find_and_replace(script, fmt::format("@{}@", name), text);
  }
  return script;
}

}  // namespace

std::string bash_completion(const command_words& program) {
  return filled(R"sh(# Completes @program@ in bash; printed by `@program@ completion bash`.
@function@() {
  local cur=${COMP_WORDS[COMP_CWORD]} command= option= prefix= word= words= options= files= i=1
  while ((i < COMP_CWORD)); do
    word=${COMP_WORDS[i++]} option=
    case "$command $word" in
      @commands@) command="$command $word" ;;
      @valued@)
        option=$word
        # `--option=value` is three words.
        [[ ${COMP_WORDS[i]} != = ]] || ((++i))
        ((++i))
        ;;
    esac
  done
  ((i > COMP_CWORD)) || option=
  if [[ -n $option ]]; then
    [[ $cur != = ]] || cur=
    case "$command $option" in
@values@    esac
    # Of values with commas between them, the last one is meant.
    [[ $cur != *,* ]] || prefix=${cur%,*}, cur=${cur##*,}
  else
    case "$command" in
@words@    esac
    if [[ $cur == -* || -z $words$files ]]; then words="$options @global@" files=; fi
  fi
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$prefix$cur")
  else
    mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$words" -- "$cur")
  fi
}
complete -F @function@ @program@
)sh",
                {{"commands", alternatives(command_patterns(program))},
                 {"valued", alternatives(valued_patterns(program))},
                 {"values", bash_values(program)},
                 {"words", bash_commands(program)},
                 {"global", option_names(program)},
                 {"function", identifier(program.name)},
                 {"program", program.name}});
}

std::string zsh_completion(const command_words& program) {
  return filled(R"sh(#compdef @program@
# Completes @program@ in zsh; printed by `@program@ completion zsh`.
@function@() {
  local command= option= word= files= i=2
  local -a subcommands flags
  while (( i < CURRENT )); do
    word=$words[i] option=
    (( ++i ))
    case "$command $word" in
      (@commands@) command="$command $word" ;;
      (@valued@) option=$word; (( ++i )) ;;
    esac
  done
  (( i > CURRENT )) || option=
  if [[ -z $option && $words[CURRENT] == --*=* ]]; then
    option=${words[CURRENT]%%=*}
    compset -P '*='
  fi
  if [[ -n $option ]]; then
    # Of values with commas between them, the last one is meant.
    compset -P '*,'
    case "$command $option" in
@values@    esac
    return
  fi
  case "$command" in
@words@  esac
  if [[ $words[CURRENT] != -* ]]; then
    [[ -z $files ]] || _files
    (( ! $#subcommands )) || _describe -t commands command subcommands
    [[ -z $files ]] && (( ! $#subcommands )) || return
  fi
  [[ -z $command ]] || flags+=(@global@)
  _describe -t options option flags
}
if [[ $funcstack[1] == @function@ ]]; then @function@ "$@"; else compdef @function@ @program@; fi
)sh",
                {{"commands", alternatives(command_patterns(program))},
                 {"valued", alternatives(valued_patterns(program))},
                 {"values", zsh_values(program)},
                 {"words", zsh_commands(program)},
                 {"global",
                  [&] {
                    std::vector<std::string> all;
                    all.reserve(program.options.size());
                    for (const option_words& each : program.options) {
                      all.push_back(described(each.names.front(), each.description));
                    }
                    return join(all);
                  }()},
                 {"function", identifier(program.name)},
                 {"program", program.name}});
}

std::string fish_completion(const command_words& program) {
  return filled(R"sh(# Completes @program@ in fish; printed by `@program@ completion fish`.
function @function@_at --description 'Whether the words before the cursor are of this command'
    set -l command ''
    set -l words (commandline -opc)
    set -l i 2
    while test $i -le (count $words)
        set -l word $words[$i]
        set i (math $i + 1)
        switch "$command $word"
            case@commands@
                set command "$command $word"
            case@valued@
                set i (math $i + 1)
        end
    end
    test "$command" = "$argv[1]"
end
@lines@)sh",
                {{"commands", fish_patterns(command_patterns(program))},
                 {"valued", fish_patterns(valued_patterns(program))},
                 {"lines", fish_lines(program)},
                 {"function", identifier(program.name)},
                 {"program", program.name}});
}

}  // namespace squid_mesh::cli
