// `kept`: cells where a memory says one thing and a person wrote another, and a person's decisions about them.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/prepared.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/mapping_files/kept_cells.hpp"
#include "admin/shown/filters.hpp"
#include "mappings/base/exact_json.hpp"

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;
using sync::postgres::Session;

struct KeptOptions {
  std::shared_ptr<CommonOptions> common;
  std::string project, target, table, mapping, memory, cursor;
  std::size_t limit = 50;
  std::vector<std::string> ids;
};

Session OpenForKept(const std::string& dsn) {
  return Session{dsn, "membridge kept", sync::postgres::SearchPath::kRoles};
}

/// Calls `work` with all targets, their mappings and their tables.
template <class Work>
int WithKeptTargets(const KeptOptions& options, Console& console, const Work& work) {
  const auto prepared = Prepare(options.common->config, {}, console);
  if (!prepared) return prepared.error();
  if (const auto refused = RefuseUnmigrated(prepared->config, prepared->databases, console)) return *refused;
  try {
    return work(*prepared,
                KeptTargets{prepared->config, prepared->databases, prepared->mappings, prepared->catalogs, OpenForKept});
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("looking at the ledger"), console);
  }
}

int PrintKept(const KeptTargets::Page& page, const KeptOptions& options, Console& console) {
  if (options.common->json) {
    ordered_json cells = ordered_json::array();
    for (const auto& [target, cell] : page.cells) cells.push_back(sync::KeptJson(target, cell));
    const ordered_json next = page.next ? ordered_json(*page.next) : ordered_json();
    fmt::print(console.out, "{}\n", mappings::ExactText(nlohmann::json(ordered_json{{"cells", cells}, {"next", next}}), 2));
    return kDone;
  }
  for (const auto& [target, cell] : page.cells) fmt::print(console.out, "{}", sync::KeptText(cell));
  if (page.cells.empty() && !page.next) fmt::print(console.out, "no memory disagrees with a person\n");
  if (page.next) fmt::print(console.err, "more: --cursor {}\n", *page.next);
  return kDone;
}

int ListKeptCells(const KeptOptions& options, Console& console) {
  return WithKeptTargets(options, console, [&](const Prepared&, const KeptTargets& kept) {
    const sync::KeptFilter filter{Given(options.project), Given(options.table), Given(options.mapping), Given(options.memory)};
    const auto page = kept.List(filter, Given(options.target), options.limit, Given(options.cursor));
    if (page) return PrintKept(*page, options, console);
    PrintError(page.error(), console);
    return static_cast<int>(kBadUsage);
  });
}

/// Decides about each cell by itself. A cell that was settled in between does not stop the others.
int DecideKeptCells(const KeptOptions& options, Console& console, sync::KeptChoice choice) {
  const bool takes = choice == sync::KeptChoice::kTake;
  return WithKeptTargets(options, console, [&](const Prepared& prepared, const KeptTargets& kept) {
    Session state{prepared.databases.StateDsn(), "membridge kept"};
    ordered_json done = ordered_json::array();
    int status = kDone;
    for (const std::string& id : options.ids) {
      const auto decided = kept.Decide(state, id, choice);
      NoteInAudit(state, console, takes ? "kept.take" : "kept.dismiss", decided ? ObjectOf(*decided) : id,
                  decided ? nullptr : &decided.error(), decided ? AuditedOf(*decided) : nlohmann::json::object());
      if (!decided) {
        status = PrintError(decided.error(), console);
        continue;
      }
      const sync::Disagreement& cell = decided->decision.disagreement;
      const bool again = decided->decision.applied_again;
      done.push_back(
          {{"id", id}, {"target", decided->target}, {"table", cell.relation}, {"cell", cell.cell}, {"applied_again", again}});
      if (options.common->json) continue;
      if (!takes)
        fmt::print(console.out, "{}: {} of {} stays as the person wrote it, until a memory says something else\n", id, cell.cell,
                   cell.relation);
      else
        fmt::print(console.out, "{}: {} of {} is the bridge's from now on; {}\n", id, cell.cell, cell.relation,
                   again ? "a worker of membridge serve writes it in a moment"
                         : "it is written when the mapping's next export or event speaks of the row");
    }
    if (options.common->json) fmt::print(console.out, "{}\n", ordered_json{{"cells", std::move(done)}}.dump(2));
    return status;
  });
}

std::shared_ptr<KeptOptions> AddKeptDecision(CLI::App& group, Choice& choice, const char* name, const char* description,
                                             sync::KeptChoice decides) {
  auto options = std::make_shared<KeptOptions>();
  CLI::App* command = group.add_subcommand(name, description);
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("id", options->ids, "Which, as kept list names it; several are decided one by one")->required();
  command->callback([=, &choice] { choice = [=](Console& console) { return DecideKeptCells(*options, console, decides); }; });
  return options;
}

}  // namespace

void AddKept(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("kept", "Cells where a memory says one thing and a person wrote another");
  group->require_subcommand(1);

  auto options = std::make_shared<KeptOptions>();
  CLI::App* list = group->add_subcommand("list", "Those nobody has decided yet, with both values (of rows and memories)");
  options->common = AddConfigAndJsonOptions(*list);
  list->add_option("--project", options->project, "Only of this project");
  list->add_option("--target", options->target, "Only in this target");
  list->add_option("--table", options->table, "Only in this table, as `contacts` or `crm.contacts`");
  list->add_option("--mapping", options->mapping, "Only under this mapping");
  list->add_option("--memory", options->memory, "Only what this memory says");
  list->add_option("--limit", options->limit, "At most so many, and what else is in the last row")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  list->add_option("--cursor", options->cursor, "Go on where a list ended");
  list->callback([=, &choice] { choice = [=](Console& console) { return ListKeptCells(*options, console); }; });

  AddKeptDecision(*group, choice, "take", "The memory is right: write its value, and keep the cell equal to memories from now on",
                  sync::KeptChoice::kTake);
  AddKeptDecision(*group, choice, "dismiss", "The person is right: do not ask again until a memory says something else",
                  sync::KeptChoice::kDismiss);
}

}  // namespace membridge::admin
