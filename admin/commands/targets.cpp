// `targets list` and `targets adopt`: which state owns the ledger of each target.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/runtime/ledgers.hpp"

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;

struct TargetsOptions {
  std::shared_ptr<CommonOptions> common;
  std::string target;
};

const char* InWords(const std::string& standing) {
  if (standing == "ours") return "this state's";
  if (standing == "unclaimed") return "nobody's yet";
  if (standing == "state_restored") return "this state's, which is older than it: serve puts that right by itself";
  if (standing == "target_restored") return "this state's, and older than it: serve puts that right by itself";
  if (standing == "taking_over") return "this state's, which is taking it over";
  return "not known";
}

int PrintTargets(const Config& config, const Databases& databases, const TargetsOptions& options, Console& console) {
  ordered_json listed = ordered_json::array();
  int status = kDone;
  for (const TargetStanding& standing : LookAtLedgers(config, databases)) {
    ordered_json view = ViewOf(standing);
    if (standing.error) status = kFoundProblems;
    if (!options.common->json) {
      const std::string words =
          standing.error ? standing.error->message + "; " + standing.error->hint : InWords(view.value("standing", ""));
      fmt::print(console.out, "{}: {}{}\n", standing.target, standing.error ? "" : "its ledger is ", words);
    }
    listed.push_back(std::move(view));
  }
  if (options.common->json) fmt::print(console.out, "{}\n", ordered_json{{"targets", std::move(listed)}}.dump(2));
  return status;
}

int PrintAdopted(const Config& config, const Databases& databases, const TargetsOptions& options, Console& console) {
  const auto adopted = AdoptTarget(config, databases, options.target);
  if (!adopted && adopted.error().code == ErrorCode::kNotFound) return PrintUsageError(adopted.error(), console);
  NoteInAudit(databases, console, "targets.adopt", options.target, adopted ? nullptr : &adopted.error(),
              adopted ? nlohmann::json{{"adopted", *adopted}} : nlohmann::json::object());
  if (!adopted) return PrintError(adopted.error(), console);
  // The ledger of another state was not migrated before.
  if (const auto migrated = MigrateAndNote(config, databases, console); !migrated) return PrintError(migrated.error(), console);
  if (options.common->json) {
    fmt::print(console.out, "{}\n", ordered_json{{"target", options.target}, {"adopted", *adopted}}.dump());
  } else if (!*adopted) {
    fmt::print(console.out, "the ledger of {} belongs to this state already\n", options.target);
  } else {
    fmt::print(console.out,
               "the ledger of {} belongs to this state from now on; the bridge that wrote there before stops. The workers of "
               "`membridge serve` "
               "read every memory again and make the rows right\n",
               options.target);
  }
  return kDone;
}

}  // namespace

void AddTargets(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("targets", "Which state database each target's ledger belongs to");
  group->require_subcommand(1);

  auto listing = std::make_shared<TargetsOptions>();
  CLI::App* list = group->add_subcommand("list", "The targets, and whether this state may write there");
  listing->common = AddConfigAndJsonOptions(*list);
  list->callback([listing, &choice] { choice = OnDatabases(listing, &PrintTargets); });

  auto adopting = std::make_shared<TargetsOptions>();
  CLI::App* adopt =
      group->add_subcommand("adopt", "Take over a target's ledger, and the rows it knows, from another state database");
  adopting->common = AddConfigAndJsonOptions(*adopt);
  adopt->add_option("target", adopting->target, "Its name in the configuration")->required();
  adopt->callback([adopting, &choice] { choice = OnDatabases(adopting, &PrintAdopted); });
}

}  // namespace membridge::admin
