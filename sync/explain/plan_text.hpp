#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "sync/apply/source.hpp"

namespace membridge::sync {

/// Prints what applying one source would do, a line per decision and a summary, as `plan` shows it:
///
///     memory 55555555 → contacts.yaml
///         contact  crm.contacts id=7  found
///           =      name               'Ada' kept: not written by the bridge (memory says 'Augusta')
///           ~      company            'Initech' → 'Globex'
///       + note     crm.notes id=132   new row
///     1 cell changed, 1 row created, 1 kept, nothing withdrawn. Rolled back.
///
/// `source` is NameOf(Source). It holds row values: show it only to the operator, never log it.
std::string PlanText(const std::string& source, const std::string& mapping_file, const Outcome& outcome);

/// The same as JSON, with the source's id: {"source","mapping","outcome","decisions":[…],"counts":{…}}.
nlohmann::ordered_json PlanJson(const std::string& source, const std::string& mapping_file, const Outcome& outcome);

/// Counts what a plan would do. The counts of several sources can be added.
struct PlanCounts {
  std::size_t changed = 0, created = 0, deleted = 0, kept = 0, withdrawn = 0, parked = 0;
  PlanCounts& operator+=(const PlanCounts& other);
  /// `1 cell changed, 2 rows created, 1 kept, nothing withdrawn. Rolled back.`
  std::string Summary() const;
};
PlanCounts CountsOf(const Outcome& outcome);

/// Whether anything would change.
bool WouldChange(const Outcome& outcome);

}  // namespace membridge::sync
