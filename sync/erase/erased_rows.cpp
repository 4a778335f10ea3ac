#include "sync/erase/erased_rows.hpp"

#include <vector>

#include "mappings/base/exact_json.hpp"
#include "mappings/base/table_name.hpp"

namespace membridge::sync {

std::string NameInSql(const std::string& relation) {
  const auto name = SchemaAndTable(relation).value();
  return postgres::QuoteName(name.first) + "." + postgres::QuoteName(name.second);
}

std::string NamingInSql(const mappings::Table& table, const std::string& ledger) {
  std::string sql = " FROM " + ledger;
  sql += " l JOIN " + NameInSql(NameOfTable(table.schema, table.name));
  sql += " t ON true";
  for (const std::string& column : table.Identity()) {
    sql += " AND t." + postgres::QuoteName(column) + " = (l.identity ->> " + postgres::QuoteLiteral(column) +
           ")::" + (table.Find(column)->sql_type.empty() ? table.Find(column)->type : table.Find(column)->sql_type);
  }
  sql += " WHERE l.relation = $1 AND l.created";
  sql += " AND EXISTS (SELECT FROM jsonb_each_text(to_jsonb(t)) AS cell WHERE cell.value = ANY ($2::text[]))";
  return sql;
}

bool ErasedRows::Delete(const std::string& relation, const nlohmann::json& identity) {
  const std::string table = NameInSql(relation);
  std::string which = " WHERE true";
  std::vector<postgres::Param> values;
  for (const auto& [column, value] : identity.items()) {
    values.push_back(value.is_string() ? value.get<std::string>() : mappings::ExactText(value));
    which += " AND " + postgres::QuoteName(column) + " = $" + std::to_string(values.size());
  }
  if (values.empty()) return false;
  bool gone = false;
  const bool ran = Try(relation, [&] {
    // A trigger may swallow the DELETE, and a cascade or another session may have deleted the row before.
    gone = transaction_.Run("DELETE FROM " + table + which, values).Affected() > 0 ||
           !transaction_.Run("SELECT EXISTS (SELECT FROM " + table + which + ")", values).Bool(0, 0);
  });
  return ran && gone;
}

}  // namespace membridge::sync
