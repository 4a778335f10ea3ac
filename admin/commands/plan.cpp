#include <fmt/format.h>
#include <fmt/ostream.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <limits>

#include "admin/commands/command.hpp"
#include "admin/commands/prepared.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/shown/preview.hpp"
#include "mappings/base/exact_json.hpp"
#include "mappings/memory.hpp"
#include "sync/apply/applier.hpp"
#include "sync/explain/given_source.hpp"
#include "sync/explain/plan_text.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/reproject.hpp"

namespace membridge::admin {
namespace {

struct PlanOptions {
  std::shared_ptr<CommonOptions> common;
  std::string mapping;
  std::string memory;
  std::string record;
  std::string event;
  std::string answer;
  std::string project;
  bool all = false;
};

Result<const ProjectConfig*> ChooseProject(const Config& config, const ConfiguredMapping& configured, const std::string& wanted) {
  if (!wanted.empty()) return NamedProject(config, wanted);
  if (configured.project) return config.FindProject(*configured.project);
  if (config.projects.size() == 1) return &config.projects.front();
  return Fail(ErrorCode::kRefused, "the mapping serves several projects", "say which with --project");
}

/// Checks that the options fit the mapping's source (memory, export or event).
Result<void> CheckAsked(const PlanOptions& options, const mappings::Mapping& mapping) {
  using From = mappings::Mapping::From;
  const From asked = !options.event.empty() ? From::kEvent : !options.answer.empty() ? From::kExport : From::kMemory;
  if (asked == mapping.from) return {};
  const std::string is = mapping.file + " is made from ";
  switch (mapping.from) {
    case From::kEvent:
      return Fail(ErrorCode::kRefused, is + "events",
                  "give it one with --event FILE; there is no resync of events, since each is counted once");
    case From::kExport:
      return Fail(ErrorCode::kRefused, is + "exports", "give it one with --export FILE");
    case From::kMemory:
      break;
  }
  return Fail(ErrorCode::kRefused, is + "memories", "give it one with --memory ID or --record FILE, or say --all");
}

Result<nlohmann::json> ReadJson(const std::string& file) {
  std::ifstream stream{file};
  if (!stream) return Fail(ErrorCode::kNotFound, file + " cannot be read");
  auto json = mappings::ParseExact(std::string{std::istreambuf_iterator<char>{stream}, {}});
  if (json.is_discarded()) return Fail(ErrorCode::kBadDelivery, file + " is not JSON");
  return json;
}

Result<mappings::Memory> ReadRecord(const std::string& file) {
  const auto json = ReadJson(file);
  if (!json) return tl::unexpected<Error>(json.error());
  auto memory = mappings::ReadMemory(*json);
  if (!memory) return Within(memory.error(), file);
  return memory;
}

/// Reads an event or an export from a file.
Result<sync::Source> ReadTold(mappings::Mapping::From from, const std::string& file, const ProjectId& project) {
  const auto json = ReadJson(file);
  if (!json) return tl::unexpected<Error>(json.error());
  auto source = sync::SourceFrom(from, *json, SystemClock{}.Now());
  if (!source) return Within(source.error(), file);
  source->project = project;
  source->fence = std::numeric_limits<std::int64_t>::max();
  if (from == mappings::Mapping::From::kEvent) source->names["event"]["project"] = project.Text();
  return source;
}

/// Returns the source to evaluate: from the file, or as Mem0 has it now. A memory that Mem0 does not have counts as deleted.
Result<sync::Source> ReadSource(const PlanOptions& options, const ProjectConfig& project, const std::string& state_dsn) {
  if (!options.event.empty()) return ReadTold(mappings::Mapping::From::kEvent, options.event, project.id);
  if (!options.answer.empty()) return ReadTold(mappings::Mapping::From::kExport, options.answer, project.id);
  const Instant now = SystemClock{}.Now();
  Result<mappings::Memory> memory = [&]() -> Result<mappings::Memory> {
    if (!options.record.empty()) return ReadRecord(options.record);
    sync::postgres::Session state{state_dsn, "membridge plan"};
    return RecordsForCommand(project, state)->ReadOne(MemoryId{options.memory});
  }();
  if (!memory && memory.error().code == ErrorCode::kNotFound && options.record.empty())
    return PlannedAbsence(project.id, MemoryId{options.memory}, now);
  if (!memory) return tl::unexpected<Error>(memory.error());
  return PlannedSource(project.id, *memory, now);
}

/// Plans every memory of the mirror: a preview of a first sync, or of the changes by an edited mapping. Prints a line for each
/// memory that would change or park, progress on a terminal, and the sum.
int PlanAll(const PlanOptions& options, const Prepared& prepared, const ProjectConfig& project, const sync::Applier& applier,
            Console& console) {
  const ConfiguredMapping& configured = prepared.mappings.front();
  sync::postgres::Session state{prepared.databases.StateDsn(), "membridge plan"};
  sync::postgres::Session target{prepared.DsnOf(configured), "membridge plan"};
  const bool on_terminal = isatty(STDERR_FILENO) == 1;
  sync::PlanCounts sum;
  std::size_t changing = 0;
  std::size_t known = 0;
  nlohmann::ordered_json plans = nlohmann::ordered_json::array();
  sync::PlanMirror(
      state, target, project.id, applier, SystemClock{}.Now(),
      [&](std::size_t done, std::size_t all) {
        known = all;
        if (on_terminal) fmt::print(console.err, "\r{} of {} memories planned{}", done, all, done == all ? "\n" : "");
      },
      [&](const std::string& memory, const sync::Outcome& outcome) {
        sum += sync::CountsOf(outcome);
        const bool is_parked = outcome.kind == sync::Outcome::Kind::kParked;
        if (!is_parked && !sync::WouldChange(outcome)) return;
        ++changing;
        if (options.common->json)
          plans.push_back(sync::PlanJson(memory, configured.mapping->file, outcome));
        else
          fmt::print(console.out, "{}", sync::PlanText("memory " + memory, configured.mapping->file, outcome));
      });
  if (options.common->json)
    fmt::print(console.out, "{}\n",
               mappings::ExactText(
                   nlohmann::ordered_json{{"memories", changing}, {"summary", sum.Summary()}, {"plans", std::move(plans)}}, 2));
  else
    fmt::print(console.out, "{} of {} would change: {}\n", changing, Counted(known, "memory", "memories"), sum.Summary());
  if (known == 0)
    fmt::print(console.err,
               "the bridge has read no memory of project {} yet: run membridge sweep --full, or name one with --memory ID\n",
               project.id.Text());
  if (sum.parked > 0) return kFoundProblems;
  return changing > 0 ? kWouldChange : kDone;
}

int RunPlan(const PlanOptions& options, Console& console) {
  const auto prepared = Prepare(options.common->config, {options.mapping}, console);
  if (!prepared) return prepared.error();
  if (const auto refused = RefuseUnmigrated(prepared->config, prepared->databases, console)) return *refused;
  const ConfiguredMapping& configured = prepared->mappings.front();
  const auto project = ChooseProject(prepared->config, configured, options.project);
  if (!project) return PrintUsageError(project.error(), console);
  if (const auto asked = CheckAsked(options, *configured.mapping); !asked) return PrintUsageError(asked.error(), console);
  const auto catalog = std::make_shared<const mappings::Catalog>(prepared->catalogs.at(configured.target));
  const sync::Applier applier{configured.mapping, catalog};
  try {
    if (options.all) return PlanAll(options, *prepared, **project, applier, console);
    const auto source = ReadSource(options, **project, prepared->databases.StateDsn());
    if (!source) return PrintError(source.error(), console);
    sync::postgres::Session session{prepared->DsnOf(configured), "membridge plan"};
    sync::postgres::Transaction transaction = session.Begin();
    const auto outcome = applier.Apply(transaction, {*source}, SystemClock{}.Now(), true).at(0);
    // The transaction is never committed; its destructor rolls it back.
    if (options.common->json) {
      fmt::print(console.out, "{}\n", mappings::ExactText(sync::PlanJson(source->id, configured.mapping->file, outcome), 2));
    } else {
      fmt::print(console.out, "{}", sync::PlanText(NameOf(*source), configured.mapping->file, outcome));
    }
    if (outcome.kind == sync::Outcome::Kind::kParked) return kFoundProblems;
    return sync::WouldChange(outcome) ? kWouldChange : kDone;
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("planning"), console);
  }
}

}  // namespace

void AddPlan(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command =
      app.add_subcommand("plan", "Show what a memory, event or export would change in the target tables; nothing is kept");
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("mapping", options->mapping, "The mapping: its name, or its file")->required();
  auto* what = command->add_option_group("source");
  what->add_option("--memory", options->memory, "A memory's id: it is read from Mem0");
  what->add_option("--record", options->record, "A JSON file with one memory as Mem0 answers it");
  what->add_option("--event", options->event, "A JSON file with one event, as in a mapping's tests: id, type, time, memory");
  what->add_option("--export", options->answer,
                   "A JSON file with one user's export: the fields asked for, user_id, completed_at");
  what->add_flag("--all", options->all,
                 "Every memory the bridge has read: what a first sync, or an edited mapping, would change");
  what->require_option(1);
  command->add_option("--project", options->project, "Which project it belongs to, when the mapping serves several");
  command->footer("Exit status: 0 nothing would change, 3 something would, 1 it would be parked.");
  command->callback([options, &choice] { choice = [options](Console& console) { return RunPlan(*options, console); }; });
}

}  // namespace membridge::admin
