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

/// What the ledger remembers of target tables, kept in step with what an application's migrations make of them
/// (membridge.known_tables): inside one transaction.
///
/// Columns are known by number while the table is the one that was recorded (the same oid), else by name. A renamed column keeps
/// its cells. A column that is gone takes its cells with it, and another one of the same name is a new column. Where a column has
/// another type the texts that the ledger remembers are read through it; a text that the type refuses makes its cell a person's,
/// and whose it was is noted in membridge.released.
class KnownTables {
 public:
  explicit KnownTables(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Gives what the ledger knows of tables that were renamed, or moved to another schema, their name of now. A table that another
  /// one has replaced under its name is not followed. Throws postgres::SqlFailure.
  void FollowNames();

  /// Keeps the tables as they are until the transaction ends: nobody alters them meanwhile.
  void Hold(const std::vector<const TargetTable*>& tables) const;

  /// Tells the catalogue which columns tell the rows of tables without a key apart, as the ledger remembers them: a mapping once
  /// named them as `identity`. Of `relations` only.
  void DeclareIdentities(mappings::Catalog& catalog, const std::vector<std::string>& relations) const;

  struct Followed {
    /// False: a table is not as its catalogue says any more, and nothing was done.
    bool is_current = true;
    /// By relation, the columns that cells stand for now.
    std::map<std::string, std::set<std::string>> remembered;
  };
  /// The columns that cells of the ledger stand for, as far as it recorded the table; else as their names say.
  static std::set<std::string> ColumnsInLedger(postgres::Transaction& transaction, const TargetTable& table);

  /// Brings the ledger in step with these tables, one each. Throws postgres::SqlFailure.
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

/// In SQL: the ledger's name of a table (NameOfTable()) of its schema's and its own, which are SQL as well.
std::string NameInLedger(std::string_view schema, std::string_view table);

/// The columns a cell of the ledger stands for: `city`, `attrs.plan`, `tags[]`, `(street, zip)`, `{attrs.plan}`. Without those
/// the table has no more.
std::set<std::string> ColumnsOfCell(const TargetTable& table, const std::string& name);

}  // namespace membridge::sync
