#include "admin/commands/command_audit.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <utility>

#include "admin/access/audit.hpp"

namespace membridge::admin {
namespace {

AuditEntry::Outcome OutcomeOf(const Error* error) {
  if (error == nullptr) return AuditEntry::Outcome::kDone;
  return error->code == ErrorCode::kUnavailable ? AuditEntry::Outcome::kFailed : AuditEntry::Outcome::kRefused;
}

}  // namespace

void NoteInAudit(sync::postgres::Session& session, Console& console, const std::string& action, const std::string& object,
                 const Error* error, nlohmann::json detail) {
  if (error != nullptr) detail["code"] = NameOf(error->code);
  try {
    AppendToAudit(session, {.actor = CommandActor(),
                            .source = "local",
                            .action = action,
                            .object = object,
                            .outcome = OutcomeOf(error),
                            .detail = std::move(detail)});
  } catch (const sync::postgres::SqlFailure& failure) {
    fmt::print(console.err, "warning: not written into the audit: {}\n", failure.what());
  }
}

void NoteInAudit(const Databases& databases, Console& console, const std::string& action, const std::string& object,
                 const Error* error, nlohmann::json detail) {
  try {
    sync::postgres::Session session{databases.StateDsn(), "membridge command"};
    NoteInAudit(session, console, action, object, error, std::move(detail));
  } catch (const sync::postgres::SqlFailure& failure) {
    fmt::print(console.err, "warning: not written into the audit: {}\n", failure.what());
  }
}

Result<std::vector<MigrationStep>> MigrateAndNote(const Config& config, const Databases& databases, Console& console) {
  auto steps = MigrateAll(config, databases);
  if (steps && steps->empty()) return steps;
  nlohmann::json detail = nlohmann::json::object();
  for (const auto& step : steps.value_or(std::vector<MigrationStep>{}))
    detail["applied"].push_back(step.database + " " + step.name);
  NoteInAudit(databases, console, "migrate", {}, steps ? nullptr : &steps.error(), std::move(detail));
  return steps;
}

}  // namespace membridge::admin
