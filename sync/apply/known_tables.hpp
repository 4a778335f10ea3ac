#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sync/apply/rewritten_cells.hpp"
#include "sync/apply/target_table.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Keeps the ledger in step with target tables that an application's migrations change (membridge.known_tables). Works inside one
/// transaction.
///
/// It identifies columns by number while the table is the recorded one (the same oid), else by name. A renamed column keeps its
/// cells. The cells of a dropped column are forgotten, and a later column of the same name is a new one. When a column's type
/// changed, the ledger's texts are converted to the new type. A text that the type refuses makes its cell a person's, and
/// membridge.released notes whose it was.
class KnownTables {
 public:
  explicit KnownTables(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Renames tables in the ledger that were renamed or moved to another schema. Does not follow a table that another one has
  /// replaced under its name. Throws postgres::SqlFailure.
  void FollowNames();

  /// Keeps the tables from being altered until the transaction ends. Throws postgres::SqlFailure.
  void Hold(const std::vector<const TargetTable*>& tables) const;

  /// Sets in the catalogue the identity columns of those of `relations` that have no key. The ledger remembers them from a
  /// mapping that named them as `identity`.
  void DeclareIdentities(mappings::Catalog& catalog, const std::vector<std::string>& relations) const;

  /// The result of Follow().
  struct Followed {
    /// False: a table has changed since its catalogue was read, and nothing was done.
    bool is_current = true;
    /// By relation: the columns that the ledger's cells name now.
    std::map<std::string, std::set<std::string>> remembered;
  };
  /// Returns the columns that the ledger's cells name: by the recorded columns where the table was recorded, else by the cells'
  /// names.
  static std::set<std::string> ColumnsInLedger(postgres::Transaction& transaction, const TargetTable& table);

  /// Brings the ledger in step with these tables, each given once. Throws postgres::SqlFailure.
  Followed Follow(const std::vector<const TargetTable*>& tables);

 private:
  struct Record;
  Record RecordOf(const TargetTable& table);
  Record RecordFrom(const TargetTable& table, const postgres::Rows& rows, std::size_t row, std::size_t first);
  void Rewrite(const TargetTable& table, const Record& record);
  struct Page;
  Page ReadPage(const postgres::Rows& rows, const RewrittenCells& rewriting) const;
  static nlohmann::json ForgetRefused(Page& page, const RewrittenCells& rewriting);
  void WritePage(const Page& page);
  void RewriteRows(const TargetTable& table, const Record& record);
  void RewriteVersions(const TargetTable& table, const Record& record);
  void Save(const TargetTable& table, const Record& record);

  postgres::Transaction& transaction_;
};

/// Returns SQL for the ledger's name of a table (NameOfTable()), from SQL for its schema and its name.
std::string NameInLedger(std::string_view schema, std::string_view table);

/// Returns the columns that a cell of the ledger names: `city`, `attrs.plan`, `tags[]`, `(street, zip)`, `{attrs.plan}`. Leaves
/// out columns that the table does not have any more.
std::set<std::string> ColumnsOfCell(const TargetTable& table, const std::string& name);

}  // namespace membridge::sync
