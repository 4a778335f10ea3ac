#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sync/apply/source.hpp"

namespace membridge::sync {

/// How many things a plan would do.
struct PlanCounts {
  std::size_t cells_changed = 0, rows_created = 0, rows_deleted = 0, kept = 0, withdrawn = 0, parked = 0;
  bool ChangesNothing() const { return cells_changed + rows_created + rows_deleted + withdrawn == 0; }
  PlanCounts& operator+=(const PlanCounts& other);
  /// `1 cell changed, 2 rows created, 1 kept, nothing withdrawn`
  std::string Text() const;
};

PlanCounts CountsOf(const Outcome& outcome);

/// One line per decision, with a heading `memory m1 → contacts.yaml`: `+` a row that would be made, `-` one that would go, `~` a cell that would
/// change, `=` one that is kept. Long values are shortened.
std::string ExplainText(const std::string& source, const std::string& mapping_file, const Outcome& outcome);

/// The same as data: {"memory","mapping","outcome","decisions":[{"kind","row","table","identity","cell","before","after","note","line"}]}.
nlohmann::json ExplainJson(const std::string& source, const std::string& mapping_file, const Outcome& outcome);

}  // namespace membridge::sync
