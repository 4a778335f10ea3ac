#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

#include "admin/commands/command.hpp"
#include "admin/commands/command_tree.hpp"

namespace membridge::admin {
namespace {

/// Returns the words that may follow a command: its commands and options.
std::string WordsAfter(const DescribedCommand& command) {
  std::vector<std::string> words;
  for (const auto& inner : command.commands) words.push_back(inner.path.back());
  for (const auto& option : command.options) {
    if (!option.positional) words.push_back(option.name);
  }
  return fmt::format("{}", fmt::join(words, " "));
}

/// Returns the text in single quotes for a shell.
std::string SingleQuoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return quoted + "'";
}

constexpr const char* kBashHead = R"(# bash completion for membridge, made by `membridge completion bash`.
_membridge() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} path= word i
  case $previous in
    --config | --record | --event | --export | --run | --schema) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    [[ $word == -* ]] && continue
    case "$path $word" in
)";

/// The three functions below have the same structure: they list every command with the words that may follow it.
std::string BashCompletion(const DescribedCommand& program) {
  std::string script = kBashHead;
  std::string paths;
  std::string replies;
  ForEachCommand(program, [&](const DescribedCommand& command) {
    const std::string path = JoinedPath(command);
    if (!command.path.empty()) paths += fmt::format("{}\" {}\"", paths.empty() ? "" : " | ", path);
    replies += fmt::format("    \"{}\") words=\"{}\" ;;\n", path.empty() ? "" : " " + path, WordsAfter(command));
  });
  script += fmt::format("      {}) path=\"$path $word\" ;;\n    esac\n  done\n  local words=\n  case $path in\n{}  esac\n", paths,
                        replies);
  script += "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\ncomplete -o default -F _membridge membridge\n";
  return script;
}

std::string ZshCompletion(const DescribedCommand& program) {
  std::string script =
      "#compdef membridge\n# zsh completion for membridge, made by `membridge completion zsh`.\n_membridge() {\n  local taken= "
      "word\n"
      "  local -a commands options\n  for word in ${words[2,CURRENT-1]}; do\n    [[ $word == -* ]] && continue\n    case "
      "\"$taken $word\" in\n";
  std::string paths;
  std::string replies;
  ForEachCommand(program, [&](const DescribedCommand& command) {
    const std::string path = JoinedPath(command);
    if (!command.path.empty()) paths += fmt::format("{}\" {}\"", paths.empty() ? "" : " | ", path);
    std::string commands;
    std::string options;
    const auto described = [](std::string name, const std::string& text) {
      // _describe reads a colon as the end of the name.
      std::string safe;
      for (const char c : text) safe += c == ':' ? std::string{"\\:"} : std::string{c};
      return " " + SingleQuoted(std::move(name) + ":" + safe);
    };
    for (const auto& inner : command.commands) commands += described(inner.path.back(), inner.text);
    for (const auto& option : command.options) {
      if (!option.positional) options += described(option.name, option.text);
    }
    replies += fmt::format("    \"{}\")\n      commands=({})\n      options=({}) ;;\n", path.empty() ? "" : " " + path, commands,
                           options);
  });
  script += fmt::format("      {}) taken=\"$taken $word\" ;;\n    esac\n  done\n  case $taken in\n{}  esac\n", paths, replies);
  script +=
      "  if [[ ${words[CURRENT]} == -* ]]; then\n    _describe -o option options\n  elif (( ${#commands} )); then\n"
      "    _describe command commands\n  else\n    _files\n  fi\n}\n"
      "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _membridge \"$@\"; else compdef _membridge membridge; fi\n";
  return script;
}

std::string FishCompletion(const DescribedCommand& program) {
  std::string script =
      "# fish completion for membridge, made by `membridge completion fish`.\n"
      "function __membridge_at\n  set -l words (commandline -opc)[2..-1]\n  set -l path\n  for word in $words\n"
      "    string match -q -- '-*' $word; or set -a path $word\n  end\n  test \"$path\" = \"$argv\"\nend\n";
  ForEachCommand(program, [&](const DescribedCommand& command) {
    const std::string at = SingleQuoted(("__membridge_at " + JoinedPath(command)));
    for (const auto& inner : command.commands)
      script += fmt::format("complete -c membridge -f -n {} -a {} -d {}\n", at, inner.path.back(), SingleQuoted(inner.text));
    for (const auto& option : command.options) {
      if (option.positional) continue;
      script += fmt::format("complete -c membridge -n {} -l {}{} -d {}\n", at, option.name.substr(2),
                            option.value.empty() ? "" : " -r", SingleQuoted(option.text));
    }
  });
  return script;
}

}  // namespace

void AddCompletion(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("completion", "Print a script that completes membridge's words in a shell");
  group->require_subcommand(1);
  using Make = std::string (*)(const DescribedCommand&);
  const auto add = [&](const char* shell, const char* text, Make make) {
    group->add_subcommand(shell, text)->callback([&app, &choice, make] {
      choice = [&app, make](Console& console) {
        fmt::print(console.out, "{}", make(Describe(app)));
        return kDone;
      };
    });
  };
  add("bash", "For bash: source <(membridge completion bash)", BashCompletion);
  add("zsh", "For zsh: membridge completion zsh > \"${fpath[1]}/_membridge\"", ZshCompletion);
  add("fish", "For fish: membridge completion fish > ~/.config/fish/completions/membridge.fish", FishCompletion);
}

}  // namespace membridge::admin
