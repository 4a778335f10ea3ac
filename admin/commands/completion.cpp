#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "admin/commands/command.hpp"
#include "admin/commands/command_tree.hpp"
#include "mappings/files/yaml_source.hpp"

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

/// Returns which names of the configuration fit an option or an argument of a command; empty: none.
std::string NamesFor(const DescribedCommand& command, const DescribedOption& option) {
  if (option.name == "--project" || option.name == "project") return "projects";
  if (option.name == "--mapping" || option.name == "mapping") return "mappings";
  if (option.name == "--target" || option.name == "target") return "targets";
  if (option.name == "name" && command.path.front() == "backfill") return "backfills";
  return "";
}

/// Returns which names fit the command's first argument; empty: none.
std::string NamesOfArgument(const DescribedCommand& command) {
  const auto argument =
      std::find_if(command.options.begin(), command.options.end(), [](const auto& option) { return option.positional; });
  return argument == command.options.end() || command.path.empty() ? "" : NamesFor(command, *argument);
}

/// Returns the text in single quotes for a shell.
std::string SingleQuoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return quoted + "'";
}

constexpr const char* kBashHead = R"~(# bash completion for membridge, made by `membridge completion bash`.
_membridge() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} path= word i
  case $previous in
    --config | --record | --event | --export | --run | --schema) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --project | --mapping | --target)
      COMPREPLY=($(compgen -W "$(membridge completion names "${previous#--}s" 2>/dev/null)" -- "$current")); return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    [[ $word == -* ]] && continue
    case "$path $word" in
)~";

/// The three functions below have the same structure: they list every command with the words that may follow it.
std::string BashCompletion(const DescribedCommand& program) {
  std::string script = kBashHead;
  std::string paths;
  std::string replies;
  ForEachCommand(program, [&](const DescribedCommand& command) {
    const std::string path = JoinedPath(command);
    if (!command.path.empty()) paths += fmt::format("{}\" {}\"", paths.empty() ? "" : " | ", path);
    const std::string names = NamesOfArgument(command);
    replies += fmt::format("    \"{}\") words=\"{}\"{} ;;\n", path.empty() ? "" : " " + path, WordsAfter(command),
                           names.empty() ? "" : " names=" + names);
  });
  script += fmt::format("      {}) path=\"$path $word\" ;;\n    esac\n  done\n  local words= names=\n  case $path in\n{}  esac\n",
                        paths, replies);
  script += "  [[ -z $names || $current == -* ]] || words=\"$words $(membridge completion names $names 2>/dev/null)\"\n";
  script += "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\ncomplete -o default -F _membridge membridge\n";
  return script;
}

std::string ZshCompletion(const DescribedCommand& program) {
  std::string script =
      "#compdef membridge\n# zsh completion for membridge, made by `membridge completion zsh`.\n_membridge() {\n  local "
      "taken= "
      "word names=\n"
      "  case ${words[CURRENT-1]} in\n    --project | --mapping | --target)\n"
      "      compadd -- ${(f)\"$(membridge completion names ${words[CURRENT-1]#--}s 2>/dev/null)\"}; return ;;\n  esac\n"
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
    const std::string names = NamesOfArgument(command);
    replies += fmt::format("    \"{}\")\n      commands=({})\n      options=({}){} ;;\n", path.empty() ? "" : " " + path,
                           commands, options, names.empty() ? "" : "\n      names=" + names);
  });
  script += fmt::format("      {}) taken=\"$taken $word\" ;;\n    esac\n  done\n  case $taken in\n{}  esac\n", paths, replies);
  script +=
      "  if [[ ${words[CURRENT]} == -* ]]; then\n    _describe -o option options\n  elif (( ${#commands} )); then\n"
      "    _describe command commands\n  elif [[ -n $names ]]; then\n"
      "    compadd -- ${(f)\"$(membridge completion names $names 2>/dev/null)\"}\n  else\n    _files\n  fi\n}\n"
      "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _membridge \"$@\"; else compdef _membridge membridge; fi\n";
  return script;
}

std::string NamesInFish(const std::string& names) {
  return SingleQuoted("(membridge completion names " + names + " 2>/dev/null)");
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
    const std::string names = NamesOfArgument(command);
    if (!names.empty()) script += fmt::format("complete -c membridge -f -n {} -a {}\n", at, NamesInFish(names));
    for (const auto& option : command.options) {
      if (option.positional) continue;
      const std::string values = command.path.empty() ? "" : NamesFor(command, option);
      script += fmt::format("complete -c membridge -n {} -l {}{} -d {}\n", at, option.name.substr(2),
                            option.value.empty() ? ""
                            : values.empty()     ? " -r"
                                                 : " -x -a " + NamesInFish(values),
                            SingleQuoted(option.text));
    }
  });
  return script;
}

/// Returns the name that a mapping has by its file: the file's, without folder and ending.
std::string NameOfMapping(const mappings::YamlNode& entry) {
  const mappings::YamlNode* file = entry.kind == mappings::YamlNode::Kind::kMap ? entry.Find("file") : &entry;
  return file == nullptr ? "" : std::filesystem::path{file->text}.stem().string();
}

/// Returns the names of one kind that the configuration's file has, right or wrong as the rest of it may be.
std::vector<std::string> NamesIn(const mappings::YamlNode& root, const std::string& kind) {
  std::vector<std::string> names;
  const mappings::YamlNode* section = root.Find(kind == "backfills" ? "backfill" : kind);
  if (kind == "targets" && (section == nullptr || section->Find("default") == nullptr)) names.emplace_back("default");
  if (section == nullptr) return names;
  for (const mappings::YamlEntry& entry : section->entries) names.push_back(entry.key.text);
  for (const mappings::YamlNode& item : section->items) {
    const mappings::YamlNode* name = item.Find("name");
    names.push_back(kind == "mappings" ? NameOfMapping(item) : name == nullptr ? "" : name->text);
  }
  std::erase(names, "");
  return names;
}

/// Prints names for a shell that completes a word. A configuration that cannot be read has none.
int PrintNames(const std::string& kind, const std::string& file, Console& console) {
  const std::vector<std::string> kinds{"projects", "mappings", "targets", "backfills"};
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
    return PrintUsageError(
        {ErrorCode::kRefused, fmt::format("there are no names of kind \"{}\"{}", kind, Suggestion(kind, kinds)),
         "name projects, mappings, targets or backfills"},
        console);
  std::ifstream stream{file};
  const std::string text{std::istreambuf_iterator<char>{stream}, {}};
  mappings::Diagnostics problems;
  const auto source = mappings::YamlSource::Parse(file, text, problems);
  if (!source) return kDone;
  for (const std::string& name : NamesIn(source->Root(), kind)) fmt::print(console.out, "{}\n", name);
  return kDone;
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
  CLI::App* names = group->add_subcommand("names", "Names that the configuration has, one a line, for these scripts");
  const auto options = AddConfigOption(*names);
  const auto kind = std::make_shared<std::string>();
  names->add_option("kind", *kind, "projects, mappings, targets or backfills")->required();
  names->callback([=, &choice] { choice = [=](Console& console) { return PrintNames(*kind, options->config, console); }; });
}

}  // namespace membridge::admin
