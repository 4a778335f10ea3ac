// Every command with no, unknown, misplaced and misspelt arguments: the words, and nothing is ever run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "admin/commands/command_tree.hpp"
#include "tests/admin/commands/spoken.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

DescribedCommand Program() {
  CLI::App app{"", "membridge"};
  Choice choice;
  AddCommands(app, choice);
  return Describe(app);
}

std::vector<DescribedCommand> AllCommands() {
  std::vector<DescribedCommand> all;
  ForEachCommand(Program(), [&](const DescribedCommand& command) {
    if (!command.path.empty()) all.push_back(command);
  });
  return all;
}

Spoken SayBare(const std::vector<std::string>& words) {
  return SayIn([](const std::string&) { return std::nullopt; }, words);
}

std::vector<std::string> With(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// A slip of the keyboard: the letter before the last is left out.
std::string Misspelt(std::string word) {
  word.erase(word.size() - 2, 1);
  return word;
}

bool IsKnown(const std::vector<DescribedCommand>& commands, const std::string& word) {
  return std::any_of(commands.begin(), commands.end(), [&](const auto& command) { return command.path.back() == word; });
}

TEST_CASE("no command, or a group without one, names what there is", "[N5][commands]") {
  CHECK(SayBare({}).err == "error: no command was given; membridge help lists the commands\n");
  CHECK(SayBare({}).status == kBadUsage);
  for (const DescribedCommand& command : AllCommands()) {
    if (command.commands.empty()) continue;
    const std::string path = "membridge " + JoinedPath(command);
    INFO(path);
    const Spoken spoken = SayBare(command.path);
    CHECK(spoken.status == kBadUsage);
    CHECK(spoken.out.empty());
    CHECK(spoken.err.rfind("error: " + path + " needs a command: ", 0) == 0);
    CHECK(spoken.err.find(command.commands.front().path.back()) != std::string::npos);
    CHECK(spoken.err.find("; see " + path + " --help\n") != std::string::npos);
  }
}

TEST_CASE("a misspelt command gets the right one named", "[N5][commands]") {
  CHECK(SayBare({"chekc"}).err.rfind("error: membridge has no command \"chekc\"; did you mean \"check\"?", 0) == 0);
  CHECK(
      SayBare({"deliveries", "lst"}).err.rfind("error: membridge deliveries has no command \"lst\"; did you mean \"list\"?", 0) ==
      0);
  const DescribedCommand program = Program();
  ForEachCommand(program, [&](const DescribedCommand& command) {
    for (const auto& inner : command.commands) {
      const std::string wrong = Misspelt(inner.path.back());
      if (inner.path.back().size() < 4 || IsKnown(command.commands, wrong)) continue;
      INFO(JoinedPath(inner) << " as " << wrong);
      const Spoken spoken = SayBare(With(command.path, {wrong}));
      CHECK(spoken.status == kBadUsage);
      CHECK(spoken.out.empty());
      const std::string path = command.path.empty() ? "membridge" : "membridge " + JoinedPath(command);
      CHECK(spoken.err.rfind(fmt::format("error: {} has no command \"{}\"; did you mean \"", path, wrong), 0) == 0);
    }
  });
}

TEST_CASE("an unknown option is refused by every command, and a misspelt one gets the right one named", "[N5][commands]") {
  CHECK(SayBare({"check", "--jsn"}).err ==
        "error: membridge check has no option --jsn; did you mean \"--json\"?; see membridge "
        "check --help\n");
  for (const DescribedCommand& command : AllCommands()) {
    if (!command.commands.empty()) continue;
    const std::string path = "membridge " + JoinedPath(command);
    INFO(path);
    const Spoken unknown = SayBare(With(command.path, {"--xyzzy-unheard-of"}));
    CHECK(unknown.status == kBadUsage);
    CHECK(unknown.out.empty());
    CHECK(unknown.err == fmt::format("error: {} has no option --xyzzy-unheard-of; see {} --help\n", path, path));
    std::set<std::string> names;
    for (const auto& option : command.options) names.insert(option.name);
    for (const auto& option : command.options) {
      const std::string wrong = option.positional ? "" : Misspelt(option.name);
      if (option.positional || option.name.size() < 6 || names.count(wrong) > 0) continue;
      INFO(wrong);
      const Spoken spoken = SayBare(With(command.path, {wrong}));
      CHECK(spoken.status == kBadUsage);
      CHECK(spoken.err.rfind(fmt::format("error: {} has no option {}; did you mean \"--", path, wrong), 0) == 0);
    }
  }
}

TEST_CASE("a misplaced command or option tells where it belongs", "[N5][commands]") {
  CHECK(SayBare({"rotate"}).err == "error: membridge has no command \"rotate\"; there is membridge webhooks rotate\n");
  CHECK(SayBare({"retry", "--all"}).err == "error: membridge has no command \"retry\"; there is membridge parked retry\n");
  CHECK(SayBare({"check", "--at-mem0"}).err ==
        "error: membridge check has no option --at-mem0; --at-mem0 is an option of membridge erase\n");
  CHECK(SayBare({"deliveries", "list", "extra"}).err ==
        "error: membridge deliveries list does not take the argument \"extra\"; see membridge deliveries list --help\n");
  CHECK(SayBare({"--confg", "x", "check"}).status == kBadUsage);
}

TEST_CASE("every command is told apart from the options of others", "[N5][commands]") {
  std::size_t told = 0;
  for (const DescribedCommand& command : AllCommands()) {
    if (!command.commands.empty()) continue;
    for (const auto& [option, owner] : {std::pair{"--at-mem0", "erase"}, std::pair{"--deny-warnings", "check"}}) {
      const std::string path = JoinedPath(command);
      if (path == owner) continue;
      INFO(path << " " << option);
      const Spoken spoken = SayBare(With(command.path, {option}));
      CHECK(spoken.status == kBadUsage);
      CHECK(spoken.out.empty());
      CHECK(spoken.err ==
            fmt::format("error: membridge {} has no option {}; {} is an option of membridge {}\n", path, option, option, owner));
      ++told;
    }
  }
  CHECK(told > 100);
}

/// Every command is one of three kinds, so that a new one cannot be forgotten here: it needs nothing, it names the argument that
/// it lacks, or it names the configuration that it lacks.
TEST_CASE("every command without any argument answers, or names what it lacks", "[N4][N5][commands]") {
  const Environment nowhere = [](const std::string& name) {
    return name == "MEMBRIDGE_CONFIG" ? std::optional<std::string>{"/nowhere/membridge.yaml"} : std::nullopt;
  };
  for (const DescribedCommand& command : AllCommands()) {
    if (!command.commands.empty()) continue;
    const std::string path = "membridge " + JoinedPath(command);
    INFO(path);
    const auto has = [&](const auto& holds) { return std::any_of(command.options.begin(), command.options.end(), holds); };
    const bool needs_argument = has([](const auto& option) { return option.required; });
    const bool needs_config = has([](const auto& option) { return option.name == "--config"; });
    const Spoken spoken = SayIn(nowhere, command.path);
    CAPTURE(spoken.out, spoken.err);
    if (!needs_argument && !needs_config && spoken.status == kDone) {
      CHECK_FALSE(spoken.out.empty());
      continue;
    }
    CHECK(spoken.status == kBadUsage);
    CHECK(spoken.out.empty());
    const bool names_argument = spoken.err.find(" is required; see " + path + " --help\n") != std::string::npos;
    const bool names_config = spoken.err.rfind("/nowhere/membridge.yaml: error: cannot be read; ", 0) == 0;
    const bool asks_first = spoken.err.rfind("error: ", 0) == 0 && spoken.err.find("; ") != std::string::npos &&
                            spoken.err.find('\n') == spoken.err.size() - 1;
    CHECK((names_argument || names_config || asks_first));
    if (needs_argument) CHECK(names_argument);
  }
}

TEST_CASE("a command without an argument that it needs names it", "[N5][commands]") {
  std::size_t asked = 0;
  for (const DescribedCommand& command : AllCommands()) {
    const auto needed =
        std::find_if(command.options.begin(), command.options.end(), [](const auto& option) { return option.required; });
    if (needed == command.options.end()) continue;
    ++asked;
    const std::string path = "membridge " + JoinedPath(command);
    INFO(path);
    const Spoken spoken = SayBare(command.path);
    CHECK(spoken.status == kBadUsage);
    CHECK(spoken.out.empty());
    CHECK(spoken.err == fmt::format("error: {}: {} is required; see {} --help\n", path, needed->name, path));
  }
  CHECK(asked > 15);
}

TEST_CASE("a command with an argument too many names it", "[N5][commands]") {
  for (const DescribedCommand& command : AllCommands()) {
    const bool takes_some =
        std::any_of(command.options.begin(), command.options.end(), [](const auto& option) { return option.positional; });
    if (takes_some || !command.commands.empty() || command.path.back() == "help") continue;  // its words are commands
    const std::string path = "membridge " + JoinedPath(command);
    INFO(path);
    const Spoken spoken = SayBare(With(command.path, {"extra"}));
    CHECK(spoken.status == kBadUsage);
    CHECK(spoken.out.empty());
    if (spoken.err.find(" is required") != std::string::npos) continue;  // told first
    CHECK(spoken.err == fmt::format("error: {} does not take the argument \"extra\"; see {} --help\n", path, path));
  }
}

TEST_CASE("an option without its value says that it needs one", "[N5][commands]") {
  for (const DescribedCommand& command : AllCommands()) {
    for (const auto& option : command.options) {
      if (option.positional || option.value.empty() || option.name == "--config") continue;
      const std::string path = "membridge " + JoinedPath(command);
      INFO(path << " " << option.name);
      const Spoken spoken = SayBare(With(command.path, {option.name}));
      if (spoken.err.find(" is required") != std::string::npos) continue;  // told first
      if (option.name == "--offline") continue;                            // its value may be left out
      CHECK(spoken.status == kBadUsage);
      CHECK(spoken.err == fmt::format("error: {}: {} needs a value; see {} --help\n", path, option.name, path));
    }
  }
  CHECK(SayBare({"plan", "people"}).err ==
        "error: membridge plan: it needs one of --memory, --record, --event, --export, --all; see membridge plan --help\n");
  CHECK(SayBare({"check", "--offline", "a", "b"}).err ==
        "error: membridge check: --offline takes at most 1 value; see membridge check --help\n");
}

TEST_CASE("a command without the configuration it needs says how to name it", "[N4][commands]") {
  for (const DescribedCommand& command : AllCommands()) {
    const bool needs =
        std::any_of(command.options.begin(), command.options.end(), [](const auto& option) { return option.name == "--config"; });
    const bool bare =
        std::none_of(command.options.begin(), command.options.end(), [](const auto& option) { return option.required; });
    if (!needs || !bare) continue;
    INFO(JoinedPath(command));
    const Spoken spoken = SayBare(With(command.path, {"--config", "/nowhere/membridge.yaml"}));
    CHECK(spoken.status == kBadUsage);
    if (spoken.err.find("no filter was given") != std::string::npos || spoken.err.find("no user was named") != std::string::npos)
      continue;
    CHECK(spoken.err.find(
              "/nowhere/membridge.yaml: error: cannot be read; give the configuration with --config FILE, or name it in "
              "MEMBRIDGE_CONFIG\n") != std::string::npos);
  }
}

TEST_CASE("--config stands anywhere on the line, and MEMBRIDGE_CONFIG stands in for it", "[N4][commands]") {
  const test::TextFile file{"bridge.yaml", "database: embedded\nprojects: {crm: {api_key: k}}\n"};
  const std::string path = file.path();
  const std::string right = path + ": right, with 0 mappings\n";
  for (const auto& words : std::vector<std::vector<std::string>>{{"--config", path, "check", "--offline"},
                                                                 {"check", "--config", path, "--offline"},
                                                                 {"check", "--offline", "--config=" + path},
                                                                 {"--config=" + path, "check", "--offline"}}) {
    const Spoken spoken = SayBare(words);
    CHECK(spoken.err.empty());
    CHECK(spoken.out == right);
    CHECK(spoken.status == kDone);
  }
  const Environment named = [&](const std::string& name) {
    return name == "MEMBRIDGE_CONFIG" ? std::optional{path} : std::nullopt;
  };
  CHECK(SayIn(named, {"check", "--offline"}).out == right);
  CHECK(SayIn(named, {"check", "--offline", "--config", "/nowhere.yaml"}).status == kBadUsage);
  CHECK(SayIn(named, {"version"}).status == kDone);  // knows no configuration, and is given none
}

TEST_CASE("with --json an error is JSON, too, wherever it stands", "[N5][commands]") {
  for (const auto& words : std::vector<std::vector<std::string>>{{"--json", "chekc"}, {"chekc", "--json"}}) {
    const Spoken spoken = SayBare(words);
    CHECK(spoken.status == kBadUsage);
    const auto json = nlohmann::json::parse(spoken.out);
    CHECK(json["error"]["message"] == "membridge has no command \"chekc\"; did you mean \"check\"?");
    CHECK(json["error"].contains("hint"));
    CHECK(json["error"].contains("code"));
  }
  const Spoken spoken = SayBare({"parked", "list", "--json", "--config", "/nowhere.yaml"});
  CHECK(spoken.status == kBadUsage);
  CHECK(nlohmann::json::parse(spoken.out)["error"]["problems"][0]["file"] == "/nowhere.yaml");
}

TEST_CASE("help and version are commands, too", "[N5][commands]") {
  CHECK(SayBare({"version"}).out == SayBare({"--version"}).out);
  CHECK(nlohmann::json::parse(SayBare({"version", "--json"}).out).contains("version"));
  CHECK(SayBare({"help"}).out == SayBare({"--help"}).out);
  CHECK(SayBare({"help"}).status == kDone);
  CHECK(SayBare({"help", "deliveries", "list"}).out == SayBare({"deliveries", "list", "--help"}).out);
  CHECK(SayBare({"help", "deliveries", "list"}).out.find("--verdict") != std::string::npos);
  CHECK(SayBare({"help", "chekc"}).status == kBadUsage);
  const std::string help = SayBare({"help"}).out;
  for (const DescribedCommand& command : Program().commands) {
    INFO(command.path.back());
    CHECK(help.find("\n  " + command.path.back() + " ") != std::string::npos);
    CHECK_FALSE(command.text.empty());
  }
  CHECK(help.find("Subcommands:") == std::string::npos);  // every command stands under a heading of its own group
}

TEST_CASE("completions and the manual name every command and every option", "[operate][commands]") {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Spoken spoken = SayBare({"completion", shell});
    CHECK(spoken.status == kDone);
    for (const DescribedCommand& command : AllCommands()) {
      INFO(shell << ": " << JoinedPath(command));
      CHECK(spoken.out.find(JoinedPath(command)) != std::string::npos);
      for (const auto& option : command.options) {
        if (option.positional) continue;
        const std::string written = std::string{shell} == "fish" ? "-l " + option.name.substr(2) : option.name;
        CHECK(spoken.out.find(written) != std::string::npos);
      }
    }
  }
  std::string manual = SayBare({"man"}).out;
  std::erase(manual, '\\');  // hyphens are written as \-
  CHECK(manual.rfind(".TH MEMBRIDGE 1", 0) == 0);
  for (const DescribedCommand& command : AllCommands())
    CHECK(manual.find(".SS membridge " + JoinedPath(command)) != std::string::npos);
}

}  // namespace
}  // namespace membridge::admin
