#pragma once

#include <list>
#include <map>
#include <string>
#include <vector>

#include "mappings/check/catalog.hpp"
#include "sync/apply/attempt_context.hpp"
#include "sync/apply/plan.hpp"

namespace membridge::sync {

/// The tables of rows that the mapping no longer has but its sources spoke of before. Functions throw postgres::SqlFailure or
/// Refusal.
class OrphanTables {
 public:
  /// The context outlives it.
  explicit OrphanTables(AttemptContext& context) : context_(context) {}

  /// Reads the tables among `relations` (`schema.name`) that no row of the mapping has, and brings the ledger in step with them.
  /// Returns whether there are any: then tables or columns may have other names in the ledger now.
  bool Follow(const std::vector<std::string>& relations);

  /// Returns the table as a planned row without a mapping's row; null when the table is gone. It must be one of the mapping's own
  /// tables or have been followed before. The pointer stays valid.
  const PlannedRow* Find(const std::string& relation);

 private:
  AttemptContext& context_;
  std::list<mappings::Catalog> catalogs_;
  std::map<std::string, PlannedRow> tables_;  // by relation; an entry without a table: it is gone
};

}  // namespace membridge::sync
