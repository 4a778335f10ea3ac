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
  /// Only these tables. Nothing: every table and view of every schema except PostgreSQL's own and `membridge`, without
  /// partitions.
  std::optional<std::vector<WantedTable>> tables{};
  /// Schemas in order, as the mapping's session sets them. Empty: the session's own.
  std::vector<std::string> search_path{};
};

/// Reads tables, partitioned tables, views and foreign tables in one read-only snapshot, with a fixed small number of statements.
/// A wanted table that does not exist is missing from the result. Type names are written as the search path makes them.
/// `default_value` has the form in which the ledger remembers a cell: `column::text`, an array as `to_jsonb(column)::text`. It is
/// set only when the default is a literal, an array of literals, or a cast of these; no other default is evaluated. kUnavailable:
/// try again. Never throws SqlFailure.
Result<mappings::Catalog> ReadCatalog(postgres::Session& session, const CatalogRequest& request = {});
/// The same inside a transaction that goes on, for a catalogue that turned out to be out of date: reads the tables as they are
/// now. Leaves the search path as it was. Throws postgres::SqlFailure.
mappings::Catalog ReadCatalog(postgres::Transaction& transaction, const CatalogRequest& request);

/// Returns an SQL expression for mappings::Table::fingerprint of the table whose oid is the expression `oid`. The fingerprint
/// stays equal as long as columns, types, defaults, NOT NULL and unique indexes do not change.
std::string FingerprintInSql(const std::string& oid);

}  // namespace membridge::sync
