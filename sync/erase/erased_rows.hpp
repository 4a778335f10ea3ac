#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mappings/base/id.hpp"
#include "mappings/base/log.hpp"
#include "mappings/check/catalog.hpp"
#include "sync/apply/refusal.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Returns the name in SQL of a table, from its name in the ledger.
std::string NameInSql(const std::string& relation);

/// Returns `FROM … WHERE …` that selects from `ledger` (membridge.rows or membridge.versions, as l) the bridge's own rows in this
/// table whose cells name a person: $1 the relation, $2 names. It finds the target's rows by the identity in the ledger, because
/// the tables may be large.
std::string NamingInSql(const mappings::Table& table, const std::string& ledger);

/// Changes rows of target tables that the database may refuse to change. Private to erasure. A refused change is rolled back and
/// logged as `erasure_row_kept`, and the transaction goes on.
class ErasedRows {
 public:
  ErasedRows(postgres::Transaction& transaction, const ProjectId& project) : transaction_(transaction), project_(project) {}

  bool Delete(const std::string& relation, const nlohmann::json& identity);

  /// Runs `work`. Returns false when the database refused it; then it has changed nothing.
  template <class Work>
  bool Try(const std::string& relation, const Work& work) {
    transaction_.Savepoint("doomed");
    try {
      work();
      // A deferred constraint would otherwise refuse the whole transaction at its end.
      transaction_.RunScript("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED");
      transaction_.Release("doomed");
      return true;
    } catch (const postgres::SqlFailure& failure) {
      if (failure.IsTransient()) throw;
      transaction_.RollbackTo("doomed");
      transaction_.Release("doomed");
      Log(LogLevel::kWarn, "erasure_row_kept", {{"project", project_.Text()}, {"table", relation}, {"error", failure.what()}});
      return false;
    } catch (const Refusal& refusal) {
      // Rows that cannot be told apart any more.
      transaction_.RollbackTo("doomed");
      transaction_.Release("doomed");
      Log(LogLevel::kWarn, "erasure_row_kept", {{"project", project_.Text()}, {"table", relation}, {"error", refusal.what()}});
      return false;
    }
  }

 private:
  postgres::Transaction& transaction_;
  const ProjectId project_;
};

}  // namespace membridge::sync
