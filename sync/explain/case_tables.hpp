#pragma once

// What a case under `tests:` does with tables besides the mapping's own work: private to sync/explain.

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

/// A step that did not go as the case says.
struct CaseFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The tables of a case: the rows that are there before, and what people do to them. Tables are found as the mapping's rows find
/// theirs, along the session's search_path. Throws CaseFailed, and postgres::SqlFailure.
class CaseTables {
 public:
  CaseTables(postgres::Transaction& transaction, const mappings::Mapping& mapping, const mappings::Catalog& catalog)
      : transaction_(transaction), mapping_(mapping), catalog_(catalog) {}

  TargetTable Named(const std::string& name) const;

  void Given(const nlohmann::json& body) const;
  /// A person's edit: a plain UPDATE of the row with that primary key, with whatever triggers the table has.
  void Edit(const nlohmann::json& body) const;
  /// A person deletes rows, each named by columns that find exactly one.
  void Delete(const nlohmann::json& body) const;

  /// Those of the rows, by relation and identity, that stand in their tables: `public.people {"id":"7"}`. At most so many.
  std::vector<std::string> Present(const std::map<std::string, std::set<nlohmann::json>>& rows, std::size_t most) const;

  /// Remembers which row of its table the case means by `$name.column` from here on.
  void Remember(const std::string& name, const std::string& relation, const nlohmann::json& identity);
  /// What stands in `$name.column`; everything else is itself. In `then` a name that is no row of the mapping is a failure; in
  /// steps that write rows it is text.
  nlohmann::json Resolved(const nlohmann::json& value, bool strict) const;

 private:
  nlohmann::json ResolvedRow(const nlohmann::json& row) const;
  nlohmann::json IdentityFor(const TargetTable& table, const nlohmann::json& row, const std::string& step) const;

  postgres::Transaction& transaction_;
  const mappings::Mapping& mapping_;
  const mappings::Catalog& catalog_;
  std::map<std::string, std::pair<std::string, nlohmann::json>> rows_;  // by row name: relation and identity
};

}  // namespace membridge::sync
