#include "sync/catalog/readable_columns.hpp"

namespace membridge::sync {

std::set<std::string> ReadableColumns(postgres::Transaction& transaction, const mappings::Table& table) {
  const postgres::Rows rows = transaction.Run(
      "SELECT a.attname FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped "
      "AND pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT')",
      {table.oid});
  std::set<std::string> columns;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string name{rows.Text(i, 0)};
    // Leave out columns that were added after the catalogue was read.
    if (table.Find(name) != nullptr) columns.insert(std::move(name));
  }
  return columns;
}

}  // namespace membridge::sync
