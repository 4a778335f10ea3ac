#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "admin/commands/command.hpp"
#include "admin/runtime/databases.hpp"
#include "mappings/base/result.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// Writes to the audit what a command did or tried: who, to what, and the result. `error`: nullptr when it succeeded. When the
/// entry cannot be written, prints that; the command's effect stays.
void NoteInAudit(sync::postgres::Session& session, Console& console, const std::string& action, const std::string& object,
                 const Error* error, nlohmann::json detail = nlohmann::json::object());
/// Does the same with a session of its own, for commands that have none.
void NoteInAudit(const Databases& databases, Console& console, const std::string& action, const std::string& object,
                 const Error* error, nlohmann::json detail = nlohmann::json::object());

/// Calls MigrateAll(), and writes to the audit when a migration was applied or refused.
Result<std::vector<MigrationStep>> MigrateAndNote(const Config& config, const Databases& databases, Console& console);

}  // namespace membridge::admin
