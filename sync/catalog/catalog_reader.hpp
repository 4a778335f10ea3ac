#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "mappings/check/catalog.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// A table as a mapping names it.
struct WantedTable {
  std::string schema;  ///< empty: along the search path
  std::string name;
};

/// What to read of a database's catalogue.
struct CatalogRequest {
  /// Only these; nothing means every table and view of every schema but PostgreSQL's own and ours (`membridge`), without
  /// partitions.
  std::optional<std::vector<WantedTable>> tables{};
  /// Schemas in order, as the mapping's session sets them; empty means the session's own.
  std::vector<std::string> search_path{};
};

/// Reads tables, partitioned tables, views and foreign tables in one read-only snapshot, with a handful of statements however
/// many there are; a table that is wanted and not there is simply missing from the catalogue. Type names are written as the
/// search path makes them. `default_value` has the form in which the ledger remembers a cell: `column::text`, an array as
/// `to_jsonb(column)::text`; it is there when the default is a literal, an array of literals, or a cast of these, and nothing
/// else is ever evaluated. kUnavailable: try again. Never throws SqlFailure.
Result<mappings::Catalog> ReadCatalog(postgres::Session& session, const CatalogRequest& request = {});
/// The same inside a transaction that goes on: as the tables are now, for a catalogue that turned out to be old. Leaves the
/// search path as it was. Throws postgres::SqlFailure.
mappings::Catalog ReadCatalog(postgres::Transaction& transaction, const CatalogRequest& request);

/// An expression for mappings::Table::fingerprint of the table whose oid the expression `oid` names: equal as long as columns,
/// types, defaults, NOT NULL and unique indexes are as they were.
std::string FingerprintInSql(const std::string& oid);

}  // namespace membridge::sync
