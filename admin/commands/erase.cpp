#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <thread>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/erasures.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/mapping_files/erasure_targets.hpp"
#include "sync/erase/erasure.hpp"

namespace membridge::admin {
namespace {

struct EraseOptions {
  std::shared_ptr<CommonOptions> common;
  std::string user, project;
  bool at_mem0 = false;
  bool lift = false;
  bool list = false;
  bool yes = false;
};

/// What a count of a receipt is of, for one and for more.
struct Erasable {
  const char *name, *one, *more;
};
constexpr std::array<Erasable, 17> kErasables{{{"deliveries", "delivery", "deliveries"},
                                               {"memories", "memory", "memories"},
                                               {"dirty", "mark to be read", "marks to be read"},
                                               {"events", "event", "events"},
                                               {"exports", "export", "exports"},
                                               {"parked", "parked entry", "parked entries"},
                                               {"contributions", "entry of the ledger", "entries of the ledger"},
                                               {"changes", "entry of the change feed", "entries of the change feed"},
                                               {"sweep_notes", "note of a sweep", "notes of sweeps"},
                                               {"rows_changed", "row changed", "rows changed"},
                                               {"rows_deleted", "row deleted", "rows deleted"},
                                               {"cells_left", "cell left", "cells left"},
                                               {"rows_left", "row left", "rows left"},
                                               {"versions_left", "version left", "versions left"},
                                               {"versions_deleted", "version deleted", "versions deleted"},
                                               {"versions_changed", "version changed", "versions changed"},
                                               {"withdrawals_refused", "withdrawal refused", "withdrawals refused"}}};

/// Returns the counts that are not zero: `12 deliveries, 3 memories`.
std::string Told(const sync::ErasureCounts& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    if (count == 0 || name.starts_with("sent:")) continue;
    const auto* known = std::find_if(kErasables.begin(), kErasables.end(), [&](const auto& each) { return name == each.name; });
    const std::string words = known == kErasables.end() ? fmt::format("{} {}", count, name)
                                                        : Counted(static_cast<std::size_t>(count), known->one, known->more);
    text += (text.empty() ? "" : ", ") + words;
  }
  return text.empty() ? "nothing" : text;
}

/// Writes the erasure to the audit. The user is named by a hash, because the audit is never deleted and must not name an erased
/// person.
void Note(const ProjectId& project, const Databases& databases, const Result<sync::ErasureReceipt>& receipt, Console& console) {
  NoteInAudit(databases, console, "erase", project.Text() + (receipt ? "/" + receipt->user_hash : ""),
              receipt ? nullptr : &receipt.error(), receipt ? nlohmann::json(receipt->erased) : nlohmann::json::object());
}

Result<nlohmann::ordered_json> EraseFrom(const ProjectConfig& project, const Config& config, const Databases& databases,
                                         const EraseOptions& options, Console& console) {
  sync::Erasure erasure{databases.StateDsn(), ErasureTargetsOf(config, databases, project.id), project.id, options.user};
  if (!options.yes) {
    const auto counts = erasure.Count();
    if (!counts) return tl::unexpected<Error>(counts.error());
    if (!options.common->json) fmt::print(console.out, "{}: would erase {}\n", project.id.Text(), Told(*counts));
    return nlohmann::ordered_json{{"project", project.id.Text()}, {"would_erase", *counts}};
  }
  std::string at_mem0 = "not asked for";
  if (options.at_mem0) {
    sync::postgres::Session state{databases.StateDsn(), "membridge erase"};
    const auto deleted =
        DeleteUserAtMem0(project, state, options.user, [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); });
    if (!deleted) {
      Note(project.id, databases, tl::unexpected<Error>(deleted.error()), console);
      return tl::unexpected<Error>(deleted.error());
    }
    at_mem0 = *deleted;
  }
  const auto receipt = erasure.Run(SystemClock{}.Now());
  Note(project.id, databases, receipt, console);
  if (!receipt) return tl::unexpected<Error>(receipt.error());
  if (!options.common->json) fmt::print(console.out, "{}: erased {}\n", project.id.Text(), Told(receipt->erased));
  nlohmann::ordered_json json = ReceiptJson(*receipt, project.id, at_mem0);
  for (const auto& sent : json["out_of_reach"])
    fmt::print(console.err, "{}: {} changes had been sent to the feed \"{}\" before: ask its owner to delete them\n",
               project.id.Text(), sent["changes"].get<std::int64_t>(), sent["feed"].get<std::string>());
  return json;
}

int RunErase(const EraseOptions& options, Console& console) {
  if (options.list || options.lift)
    return RunErasures({options.common, options.user, options.project, options.list, options.yes}, console);
  if (options.user.empty()) return PrintUsageError({ErrorCode::kRefused, "no user was named", "add --user ID"}, console);
  const auto config = ConfigOrProblems(options.common->config, console);
  if (!config) return kBadUsage;
  const auto projects = ProjectsMeant(*config, options.project);
  if (!projects) return PrintUsageError(projects.error(), console);
  auto databases = Databases::Open(*config, Databases::Use::kCommand);
  if (!databases) return PrintError(databases.error(), console);
  if (const auto migrated = MigrateAndNote(*config, *databases, console); !migrated) return PrintError(migrated.error(), console);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  int status = kDone;
  for (const ProjectConfig* project : *projects) {
    auto erased = EraseFrom(*project, *config, *databases, options, console);
    if (!erased) {
      status = PrintError(Within(erased.error(), project->id.Text()).value(), console);
      continue;
    }
    if (!erased->value("complete", true)) {
      status = kFoundProblems;
      fmt::print(console.err,
                 "{}: something of the person is left; erasure_cell_left, erasure_row_kept and erasure_refused in the log say "
                 "where, and the "
                 "same command goes on with it\n",
                 project->id.Text());
    }
    all.push_back(std::move(*erased));
  }
  if (!options.yes) fmt::print(console.err, "nothing was erased; add --yes to do it\n");
  // The receipt must be kept, so it is printed in both cases.
  if (options.common->json || options.yes) {
    nlohmann::ordered_json document;
    document[options.yes ? "receipts" : "projects"] = std::move(all);
    fmt::print(console.out, "{}\n", document.dump(2));
  }
  return status;
}

}  // namespace

void AddErase(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<EraseOptions>();
  CLI::App* command = app.add_subcommand("erase", "Take a person out of everything the bridge keeps and wrote, with a receipt");
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("--user", options->user, "The user, as Mem0 names them");
  command->add_option("--project", options->project, "Only this project; else all of them");
  command->add_flag("--at-mem0", options->at_mem0, "Delete the user and their memories at Mem0 first");
  command->add_flag("--lift", options->lift, "Admit the erased user again: their memories are read and applied like anybody's");
  command->add_flag("--list", options->list, "List the erasures, by hashes of the users, and which of them were lifted");
  command->add_flag("--yes", options->yes, "Do it; without this option, the command only counts");
  command->callback([options, &choice] { choice = [options](Console& console) { return RunErase(*options, console); }; });
}

}  // namespace membridge::admin
