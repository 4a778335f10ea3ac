#pragma once

#include <list>
#include <map>
#include <string>
#include <vector>

#include "mappings/check/catalog.hpp"
#include "sync/apply/attempt_context.hpp"
#include "sync/apply/plan.hpp"

namespace membridge::sync {

/// The tables of rows that the mapping no longer has, and that its sources spoke of before. Functions throw postgres::SqlFailure
/// or Refusal.
class OrphanTables {
 public:
  /// The context outlives it.
  explicit OrphanTables(AttemptContext& context) : context_(context) {}

  /// Reads those of the tables, `schema.name`, that no row of the mapping has, and brings the ledger in step with them. Returns
  /// whether there are any: then what was said goes by other names, perhaps.
  bool Follow(const std::vector<std::string>& relations);

  /// The table as a row without a mapping's row; null when it is gone itself. The mapping's own tables, or followed before. Stays
  /// where it is.
  const PlannedRow* Find(const std::string& relation);

 private:
  AttemptContext& context_;
  std::list<mappings::Catalog> catalogs_;
  std::map<std::string, PlannedRow> tables_;  // by relation; without a table: it is gone
};

}  // namespace membridge::sync
