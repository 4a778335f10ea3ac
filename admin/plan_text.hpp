#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sync/apply/source.hpp"

namespace membridge::admin {

/// What applying one source would do, a line per decision and a summary, as `plan` prints it:
///
///     memory 55555555 → contacts.yaml
///         contact  crm.contacts id=7  found
///           =      name               'Ada' kept: not written by the bridge (memory says 'Augusta')
///           ~      company            'Initech' → 'Globex'
///       + note     crm.notes id=132   new row
///     1 cell changed, 1 row created, 1 kept, nothing withdrawn. Rolled back.
///
/// Holds row values: for the operator's eyes, never for a log.
std::string PlanText(const std::string& source, const std::string& mapping_file, const sync::Outcome& outcome);

/// The same as JSON: {"source","mapping","outcome","decisions":[…],"counts":{…}}.
nlohmann::ordered_json PlanJson(const std::string& source, const std::string& mapping_file, const sync::Outcome& outcome);

/// Whether anything would change.
bool WouldChange(const sync::Outcome& outcome);

}  // namespace membridge::admin
