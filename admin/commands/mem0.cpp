// `mem0 NOUN VERB`: look into Mem0 and put things right there. The commands are made from the table of sync/mem0.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <thread>

#include "admin/access/operation_audit.hpp"
#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/mem0_arguments.hpp"
#include "admin/commands/mem0_help.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/commands/webhook_projects.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/shown/mem0_answer.hpp"
#include "mappings/base/exact_json.hpp"
#include "sync/mem0/answer.hpp"
#include "sync/mem0/api_requests.hpp"
#include "sync/queue/marking.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using nlohmann::ordered_json;
using sync::mem0::ApiOperation;

constexpr auto kLongestFollow = 10min;
constexpr auto kFirstLook = 100ms;
constexpr auto kSlowestLook = 2000ms;

struct Mem0Options {
  explicit Mem0Options(const ApiOperation& chosen) : operation(chosen), arguments(chosen) {}
  const ApiOperation& operation;
  Mem0Arguments arguments;
  std::shared_ptr<CommonOptions> common{};
  std::string project{};
  bool yes = false;
  bool wait = false;
};

/// What one command works with.
struct Mem0Work {
  const Mem0Options& options;
  const json& values;  ///< by parameter
  ProjectId project;
  sync::mem0::Client& client;
  sync::postgres::Session& state;
  Console& console;
};

/// Prints what is wrong with each parameter under its name on the line.
int PrintArgumentProblems(const ApiOperation& operation, const sync::mem0::ArgumentProblems& problems, const Error& error,
                          Console& console) {
  PrintError(error, console);
  if (problems.empty()) return kFoundProblems;
  console.failure["fields"] = problems;
  for (const auto& [parameter, problem] : problems)
    fmt::print(console.err, "{}: {}\n", Mem0Arguments::NameOnLine(operation, parameter), problem);
  return kFoundProblems;
}

int PrintRefusal(const Mem0Work& work, const Error& error) {
  const auto problems = sync::mem0::ByParameter(work.options.operation, work.values, work.client.LastFailure(), error.message);
  return PrintArgumentProblems(work.options.operation, problems, error, work.console);
}

void PrintAnswer(const Mem0Work& work, const ApiOperation& operation, const ordered_json& answer) {
  if (work.options.common->json)
    fmt::print(work.console.out, "{}\n", mappings::ExactText(answer, 2));
  else
    fmt::print(work.console.out, "{}", Mem0AnswerText(operation, answer, SystemClock{}.Now(), work.console.coloured));
}

int PrintCount(const Mem0Work& work) {
  const auto meant = work.client.CountMeant(work.options.operation, work.values);
  if (!meant) return PrintRefusal(work, meant.error());
  if (work.options.common->json) {
    fmt::print(work.console.out, "{}\n", ordered_json{{"count", meant->count}, {"of", meant->of}, {"done", false}}.dump());
  } else {
    const std::string what = meant->of == "memories" ? Counted(meant->count, "memory", "memories")
                                                     : Counted(meant->count, meant->of, fmt::format("{}s", meant->of));
    fmt::print(work.console.out, "{} meant; nothing was done; add --yes to do it\n", what);
  }
  return kDone;
}

std::string EventIn(const ordered_json& answer) {
  for (const char* key : {"event_id", "id"}) {
    if (answer.is_object() && answer.contains(key) && answer[key].is_string()) return answer[key].get<std::string>();
  }
  return {};
}

bool IsPending(const ordered_json& answer) {
  const std::string status = answer.is_object() ? answer.value("status", std::string{}) : std::string{};
  return status != "SUCCEEDED" && status != "FAILED";
}

/// Asks Mem0 for the event until it is over.
Result<ordered_json> FollowEvent(const Mem0Work& work, const std::string& event) {
  const ApiOperation& show = *sync::mem0::FindApiOperation("event", "show");
  const auto until = std::chrono::steady_clock::now() + kLongestFollow;
  for (std::chrono::milliseconds pause = kFirstLook;; pause = std::min(pause * 2, std::chrono::milliseconds{kSlowestLook})) {
    auto found = work.client.Perform(show, {{"event_id", event}});
    if (!found || !IsPending(*found)) return found;
    if (std::chrono::steady_clock::now() > until)
      return Fail(ErrorCode::kUnavailable, "the event is not over after 10 minutes",
                  fmt::format("membridge mem0 event show {} --wait goes on waiting", event));
    std::this_thread::sleep_for(pause);
  }
}

/// Marks the memories dirty, so that their rows change without waiting for a delivery.
void LetRowsFollow(const Mem0Work& work, const ordered_json& answer) {
  std::vector<std::pair<ProjectId, MemoryId>> memories;
  for (const MemoryId& memory : sync::mem0::MemoriesIn(work.options.operation, work.values))
    memories.emplace_back(work.project, memory);
  if (work.options.operation.verb == "add" && answer.is_object()) {
    for (const ordered_json& result : answer.value("results", ordered_json::array())) {
      if (const auto id = sync::mem0::TextAt(result, "id")) memories.emplace_back(work.project, MemoryId{*id});
    }
  }
  sync::MarkInSlices(work.state, std::move(memories), "manual");
}

int Perform(const Mem0Work& work) {
  const ApiOperation& operation = work.options.operation;
  auto answer = work.client.Perform(operation, work.values);
  if (operation.effect != ApiOperation::Effect::kReads)
    NoteInAudit(work.state, work.console, NameOf(operation), work.project.Text(), answer ? nullptr : &answer.error(),
                AuditedArguments(operation, work.values));
  if (!answer) return PrintRefusal(work, answer.error());
  const ApiOperation* shown = &operation;
  if (const std::string event = EventIn(*answer); work.options.wait && IsPending(*answer) && !event.empty()) {
    if (!work.options.common->json) fmt::print(work.console.err, "waiting for event {}\n", event);
    answer = FollowEvent(work, event);
    if (!answer) return PrintRefusal(work, answer.error());
    shown = sync::mem0::FindApiOperation("event", "show");
  }
  if (operation.effect != ApiOperation::Effect::kReads && operation.noun == "memory") LetRowsFollow(work, *answer);
  PrintAnswer(work, *shown, *answer);
  return work.options.wait && answer->is_object() && answer->value("status", std::string{}) == "FAILED" ? kFoundProblems : kDone;
}

int RunMem0(const Mem0Options& options, const Config& config, sync::postgres::Session& state, Console& console) {
  const auto project = ProjectMeant(config, options.project);
  if (!project) return PrintUsageError(project.error(), console);
  const auto values = options.arguments.Read();
  if (!values) return PrintUsageError(values.error(), console);
  if (const auto problems = ProblemsWith(options.operation, *values); !problems.empty()) {
    const Error error{
        ErrorCode::kRefused,
        fmt::format("mem0 {} {}: something is wrong with what was given", options.operation.noun, options.operation.verb),
        fmt::format("membridge mem0 {} {} --help says what it takes", options.operation.noun, options.operation.verb)};
    PrintArgumentProblems(options.operation, problems, error, console);
    return kBadUsage;
  }
  if (config.FindProject(*project)->source)
    return PrintError(
        {ErrorCode::kRefused, "project " + project->Text() + " is a Mem0 of your own, which does not have the Platform's API",
         "use the application or Mem0's own server"},
        console);
  sync::mem0::Client client = ClientForCommand(*config.FindProject(*project), state, 2);
  const Mem0Work work{options, *values, *project, client, state, console};
  if (options.operation.Destroys() && !options.yes) return PrintCount(work);
  return Perform(work);
}

CLI::App* FindGroup(CLI::App& app, const std::string& name) {
  const auto found = app.get_subcommands([&](CLI::App* each) { return each->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

CLI::App& Group(CLI::App& app, const std::string& name, const std::string& text) {
  if (CLI::App* known = FindGroup(app, name)) return *known;
  CLI::App* group = app.add_subcommand(name, text);
  group->require_subcommand(1);
  return *group;
}

void AddOperation(CLI::App& noun, const ApiOperation& operation, Choice& choice) {
  std::string verb{operation.verb};
  CLI::App* parent = &noun;
  if (const auto blank = verb.find(' '); blank != std::string::npos) {
    parent = &Group(noun, verb.substr(0, blank), fmt::format("Who may see the {}", operation.noun));
    verb.erase(0, blank + 1);
  }
  auto options = std::make_shared<Mem0Options>(operation);
  CLI::App* command = parent->add_subcommand(verb, Mem0Summary(operation));
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("--project", options->project, "The project of the configuration; may be left out where there is one");
  options->arguments.AddTo(*command);
  if (operation.Destroys()) command->add_flag("--yes", options->yes, "Do it; without this option, the command only counts");
  if (operation.is_asynchronous) command->add_flag("--wait", options->wait, "Wait until Mem0 has done it, 10 minutes at most");
  command->footer(Mem0Examples(operation));
  command->callback([options, &choice] { choice = OnState(options, &RunMem0); });
}

}  // namespace

void AddMem0(CLI::App& app, Choice& choice) {
  CLI::App& mem0 = Group(app, "mem0", "Look into Mem0 and put things right there: memories, users, projects");
  AddMem0Operations(mem0, choice);
  for (const ApiOperation& operation : sync::mem0::ApiOperations()) {
    const std::string noun{operation.noun};
    const bool is_known = FindGroup(mem0, noun) != nullptr;
    CLI::App& group = Group(mem0, noun, Mem0NounText(noun));
    if (!operation.is_the_bridges) {
      AddOperation(group, operation, choice);
    } else if (!is_known) {
      AddWebhookList(group, choice);
      AddWebhookEdits(group, choice);
    }
  }
}

}  // namespace membridge::admin
