#include "admin/commands/arguments.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string_view>

#include "admin/shown/console.hpp"
#include "mappings/base/diagnostic.hpp"

namespace membridge::admin {
namespace {

bool IsOption(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && word != "--";
}

std::string NameOfOption(const std::string& word) {
  return word.substr(0, word.find('='));
}

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands(
      [](const CLI::App* command) { return !command->get_name().empty(); });  // a group of options has no name
}

const CLI::App* CommandNamed(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : CommandsOf(app)) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

/// The command that the words of a line name, as far as they are right.
struct Reached {
  const CLI::App* command;           ///< the deepest command they name
  std::string path;                  ///< `membridge deliveries list`
  std::size_t next = 0;              ///< the first word after its name
  std::optional<std::string> wrong;  ///< a word in the place of a command's name that is not a command
};

Reached Follow(const CLI::App& app, const std::vector<std::string>& words) {
  Reached reached{&app, "membridge", 0, std::nullopt};
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (CommandsOf(*reached.command).empty() || word == "--") break;
    if (IsOption(word)) {
      const CLI::Option* option = reached.command->get_option_no_throw(NameOfOption(word));
      if (option != nullptr && option->get_expected_min() > 0 && word.find('=') == std::string::npos) ++at;
      continue;
    }
    const CLI::App* command = CommandNamed(*reached.command, word);
    if (command == nullptr) {
      reached.wrong = word;
      break;
    }
    reached.command = command;
    reached.path += " " + word;
    reached.next = at + 1;
  }
  return reached;
}

/// Returns the names of a group's commands: `list, show or replay`.
std::string NamesOfCommands(const CLI::App& group) {
  const auto commands = CommandsOf(group);
  std::string names;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (i > 0) names += i + 1 == commands.size() ? " or " : ", ";
    names += commands[i]->get_name();
  }
  return names;
}

Error NoSuchCommand(const CLI::App& app, const Reached& reached) {
  std::vector<std::string> names;
  for (const CLI::App* command : CommandsOf(*reached.command)) names.push_back(command->get_name());
  const std::string meant = mappings::DidYouMean(*reached.wrong, names);
  std::string hint = CommandsOf(*reached.command).size() > 8
                         ? reached.path + " --help lists the commands"
                         : reached.path + " has the commands " + NamesOfCommands(*reached.command);
  if (meant.empty() && reached.command == &app) {
    // With `membridge list` the user may mean `membridge deliveries list`.
    std::string groups;
    for (const CLI::App* group : CommandsOf(app)) {
      if (CommandNamed(*group, *reached.wrong) == nullptr) continue;
      groups += fmt::format("{}membridge {} {}", groups.empty() ? "" : ", ", group->get_name(), *reached.wrong);
    }
    if (!groups.empty()) hint = "there is " + groups;
  }
  return {ErrorCode::kRefused, fmt::format("{} has no command \"{}\"{}", reached.path, *reached.wrong, meant), hint};
}

std::vector<std::string> NamesOfOptions(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* group : command.get_subcommands([](const CLI::App* inner) { return inner->get_name().empty(); })) {
    for (auto& name : NamesOfOptions(*group)) names.push_back(std::move(name));
  }
  return names;
}

/// Returns the first option of the line that its command does not have.
std::optional<std::string> UnknownOption(const Reached& reached, const std::vector<std::string>& words) {
  for (std::size_t at = reached.next; at < words.size() && words[at] != "--"; ++at) {
    if (!IsOption(words[at])) continue;
    const CLI::Option* option = reached.command->get_option_no_throw(NameOfOption(words[at]));
    if (option == nullptr) return NameOfOption(words[at]);
    if (option->get_expected_min() > 0 && words[at].find('=') == std::string::npos) ++at;
  }
  return std::nullopt;
}

/// Returns at most three commands that have this option, because it may have been given to the wrong command.
std::string CommandsWith(const CLI::App& app, const std::string& option) {
  std::vector<std::string> found;
  for (const CLI::App* command : CommandsOf(app)) {
    if (command->get_option_no_throw(option) != nullptr) found.push_back("membridge " + command->get_name());
    for (const CLI::App* inner : CommandsOf(*command)) {
      if (inner->get_option_no_throw(option) != nullptr)
        found.push_back("membridge " + command->get_name() + " " + inner->get_name());
    }
  }
  if (found.empty() || found.size() > 3) return {};
  return fmt::format("{} is an option of {}", option, fmt::join(found, ", "));
}

}  // namespace

Arguments ReadArguments(const CLI::App& app, int argc, const char* const* argv, const Environment& environment) {
  Arguments arguments;
  std::vector<std::string> config;
  std::vector<std::string> after;  // after `--` no word is an option
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") {
      after.assign(argv + i, argv + argc);
      break;
    }
    if (word == "--json") {
      arguments.json = true;
    } else if (word == "--config") {
      config = {word};
      if (i + 1 < argc) config.emplace_back(argv[++i]);
    } else if (word.rfind("--config=", 0) == 0) {
      config = {word};
    } else {
      arguments.words.push_back(word);
    }
  }
  if (!arguments.words.empty() && arguments.words.front() == "help" &&
      std::none_of(arguments.words.begin(), arguments.words.end(), IsOption)) {
    arguments.words.erase(arguments.words.begin());
    arguments.words.emplace_back("--help");
  }
  const CLI::App* command = Follow(app, arguments.words).command;
  if (command->get_option_no_throw("--config") != nullptr) {
    const auto named = environment("MEMBRIDGE_CONFIG");
    if (config.empty() && named && !named->empty()) config = {"--config", *named};
    arguments.words.insert(arguments.words.end(), config.begin(), config.end());
  }
  if (arguments.json && (command->get_option_no_throw("--json") != nullptr)) arguments.words.emplace_back("--json");
  arguments.words.insert(arguments.words.end(), after.begin(), after.end());
  return arguments;
}

std::optional<Error> WrongCommand(const CLI::App& app, const std::vector<std::string>& words) {
  const Reached reached = Follow(app, words);
  if (!reached.wrong) return std::nullopt;
  return NoSuchCommand(app, reached);
}

namespace {

/// Returns the option in a message of the library: `--limit` in "--limit: 1 required UINT missing".
std::string OptionIn(const std::string& words) {
  return words.substr(0, words.find(':'));
}

/// Rewrites the library's message about a wrong number of options or values in plain words; returns other messages unchanged.
std::string InPlainWords(const CLI::Error& refusal) {
  std::string words = refusal.what();
  const bool is_mismatch = dynamic_cast<const CLI::ArgumentMismatch*>(&refusal) != nullptr;
  if (is_mismatch && words.ends_with(" missing")) return OptionIn(words) + " needs a value";
  if (const std::size_t most = words.find(": At Most "); is_mismatch && most != std::string::npos) {
    const std::size_t number = most + 10;
    return fmt::format("{} takes at most {}", OptionIn(words), Counted(std::stoul(words.substr(number)), "value", "values"));
  }
  const std::size_t list = words.find("ption from [");
  if (list == std::string::npos) return words;
  const std::size_t begin = words.find('[') + 1;
  std::string names = words.substr(begin, words.find(']') - begin);
  for (std::size_t comma = names.find(','); comma != std::string::npos; comma = names.find(',', comma + 2))
    names.replace(comma, 1, ", ");
  return fmt::format("it needs one of {}{}", names, words.find("received") == std::string::npos ? "" : ", and only one");
}

}  // namespace

Error ExplainUsage(const CLI::App& app, const std::vector<std::string>& words, const CLI::Error& refusal) {
  const Reached reached = Follow(app, words);
  const std::string see = "see " + reached.path + " --help";
  if (const auto unknown = UnknownOption(reached, words)) {
    const std::string meant = mappings::DidYouMean(*unknown, NamesOfOptions(*reached.command));
    const std::string elsewhere = meant.empty() ? CommandsWith(app, *unknown) : "";
    return {ErrorCode::kRefused, fmt::format("{} has no option {}{}", reached.path, *unknown, meant),
            elsewhere.empty() ? see : elsewhere};
  }
  if (!CommandsOf(*reached.command).empty()) {
    if (reached.command == &app) return {ErrorCode::kRefused, "no command was given", "membridge help lists the commands"};
    return {ErrorCode::kRefused, reached.path + " needs a command: " + NamesOfCommands(*reached.command), see};
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&refusal) != nullptr) {
    const std::string words_of_library = refusal.what();  // ends with the surplus arguments
    const std::size_t colon = words_of_library.rfind(": ");
    return {ErrorCode::kRefused,
            fmt::format("{} does not take the argument \"{}\"", reached.path,
                        words_of_library.substr(colon == std::string::npos ? 0 : colon + 2)),
            see};
  }
  return {ErrorCode::kRefused, fmt::format("{}: {}", reached.path, InPlainWords(refusal)), see};
}

}  // namespace membridge::admin
