#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mappings/base/id.hpp"
#include "mappings/base/log.hpp"
#include "mappings/check/catalog.hpp"
#include "sync/apply/refusal.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// A table's name in SQL, of one as the ledger names it.
std::string NameInSql(const std::string& relation);

/// `FROM … WHERE …` for what `ledger` (membridge.rows or membridge.versions, as l) knows of the bridge's own rows in this table
/// whose cells name somebody: $1 the relation, $2 names. They are looked up by what the ledger knows them by, for the tables may
/// be large.
std::string NamingInSql(const mappings::Table& table, const std::string& ledger);

/// Rows of target tables that shall go, and may not: private to erasure. What the database refuses is rolled back, logged as
/// `erasure_row_kept`, and the transaction goes on.
class ErasedRows {
 public:
  ErasedRows(postgres::Transaction& transaction, const ProjectId& project) : transaction_(transaction), project_(project) {}

  bool Delete(const std::string& relation, const nlohmann::json& identity);

  /// False when the database refused; then nothing of it was done.
  template <class Work>
  bool Try(const std::string& relation, const Work& work) {
    transaction_.Savepoint("doomed");
    try {
      work();
      // What waits for the end of the transaction would refuse all of it there.
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
      // Rows that nothing tells apart any more.
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
