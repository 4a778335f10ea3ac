#pragma once

// The steps of a case under `tests:` that read or write tables directly. Private to sync/explain.

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

/// A step did not go as the case says.
struct CaseFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The tables of a case: the rows given before, and what people do to them. It finds tables as the mapping's rows do, along the
/// session's search_path. Functions throw CaseFailed and postgres::SqlFailure.
class CaseTables {
 public:
  CaseTables(postgres::Transaction& transaction, const mappings::Mapping& mapping, const mappings::Catalog& catalog)
      : transaction_(transaction), mapping_(mapping), catalog_(catalog) {}

  TargetTable Named(const std::string& name) const;

  void Given(const nlohmann::json& body) const;
  /// Does a person's edit: a plain UPDATE of the row with that primary key, which fires the table's triggers.
  void Edit(const nlohmann::json& body) const;
  /// Deletes rows as a person does. Each row is named by columns that match exactly one row.
  void Delete(const nlohmann::json& body) const;

  /// Returns at most `most` of the rows, given by relation and identity, that exist in their tables: `public.people {"id":"7"}`.
  std::vector<std::string> Present(const std::map<std::string, std::set<nlohmann::json>>& rows, std::size_t most) const;

  /// Remembers which row the case means by `$name.column` from now on.
  void Remember(const std::string& name, const std::string& relation, const nlohmann::json& identity);
  /// Replaces `$name.column` by the value in that column; returns any other value as it is. `strict`, as in `then`: a name that
  /// is not a row of the mapping is a failure. Otherwise, as in steps that write rows, it is text.
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
