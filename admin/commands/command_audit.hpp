#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "admin/commands/command.hpp"
#include "admin/runtime/databases.hpp"
#include "mappings/base/result.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// Writes into the audit what a command did or tried: by whom, to what, and how it ended. `error`: nothing when it was done. When
/// the entry cannot be written that is printed; what was done stays done.
void NoteInAudit(sync::postgres::Session& session, Console& console, const std::string& action, const std::string& object,
                 const Error* error, nlohmann::json detail = nlohmann::json::object());
/// The same on a session of its own, for a command that has none.
void NoteInAudit(const Databases& databases, Console& console, const std::string& action, const std::string& object,
                 const Error* error, nlohmann::json detail = nlohmann::json::object());

/// MigrateAll(), and its entry when a migration was applied or refused.
Result<std::vector<MigrationStep>> MigrateAndNote(const Config& config, const Databases& databases, Console& console);

}  // namespace membridge::admin
