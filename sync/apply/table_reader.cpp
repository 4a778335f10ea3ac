#include "sync/apply/table_reader.hpp"

#include <fmt/format.h>

#include <map>

#include "mappings/base/utf8.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using postgres::QuoteLiteral;
using postgres::QuoteName;

constexpr std::string_view kLockNotAvailable = "55P03";

/// The clause that follows a SELECT of rows `t`.
std::string_view ClauseOf(TableReader::Lock lock) {
  return lock == TableReader::Lock::kNone ? "" : " FOR NO KEY UPDATE OF t NOWAIT";
}

}  // namespace

std::vector<std::vector<Image>> TableReader::Find(Lock lock, const std::vector<TargetTable::KeyColumn>& key,
                                                  const std::vector<json>& values) const {
  std::vector<std::vector<Image>> found(values.size());
  // A null in a key is looked for with IS NULL; rows that have it in the same places share a statement.
  std::map<std::vector<bool>, std::vector<std::size_t>> by_nulls;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::vector<bool> nulls;
    for (const TargetTable::KeyColumn& part : key) nulls.push_back(values[i].at(table_.NameOf(part)).is_null());
    by_nulls[nulls].push_back(i);
  }
  for (const auto& [nulls, members] : by_nulls) {
    std::vector<std::string> record{TableSql::Typed(TableSql::kNumber, "pg_catalog.int4")};
    std::vector<std::string> conditions;
    for (std::size_t k = 0; k < key.size(); ++k) {
      if (nulls[k]) {
        conditions.push_back("(" + sql_.KeyInRow(key[k]) + " IS NULL)");
        continue;
      }
      record.push_back(sql_.TypedKey(key[k]));
      const bool is_text = key[k].lowered || !key[k].path.empty();
      conditions.push_back(is_text
                               ? fmt::format("({} OPERATOR(pg_catalog.=) {})", sql_.KeyInRow(key[k]), sql_.KeyInRecord(key[k]))
                               : sql_.Equal(key[k].column, sql_.KeyInRow(key[k]), sql_.KeyInRecord(key[k])));
    }
    std::vector<json> wanted;
    for (const std::size_t member : members) wanted.push_back(values[member]);
    const std::string sql = fmt::format(
        "SELECT r.{}, {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) JOIN {} AS t ON {} AND {} ORDER BY "
        "1{}",
        QuoteName(TableSql::kNumber), sql_.SelectList(), TableSql::Join(record, ", "), table_.Quoted(),
        TableSql::Join(conditions, " AND "), TableSql::TakenForFew(), ClauseOf(lock));
    const postgres::Rows rows = sql_.Run(sql, TableSql::Numbered(wanted));
    for (std::size_t row = 0; row < rows.size(); ++row) {
      found[members[static_cast<std::size_t>(rows.Int(row, 0))]].push_back(sql_.ImageAt(rows, row, 1));
    }
  }
  return found;
}

std::vector<std::string> TableReader::NumbersFor(Purpose purpose, const std::vector<TargetTable::KeyColumn>& key,
                                                 const std::vector<json>& values) const {
  std::vector<std::string> record{TableSql::Typed(TableSql::kNumber, "pg_catalog.int4")};
  std::vector<std::string> parts;
  std::string names = purpose == Purpose::kMake ? table_.Relation() : "looked for\x1f" + table_.Relation();
  for (const TargetTable::KeyColumn& part : key) {
    record.push_back(sql_.TypedKey(part));
    parts.push_back(sql_.KeyInRecord(part));
    names += "\x1f" + table_.NameOf(part);
  }
  const char* lock = purpose == Purpose::kMake   ? "pg_catalog.pg_try_advisory_xact_lock(h)"
                     : purpose == Purpose::kLook ? "pg_catalog.pg_advisory_xact_lock_shared(h)"
                                                 : "NULL";
  const std::string sql = fmt::format(
      "WITH keys AS MATERIALIZED (SELECT r.{0} AS n, pg_catalog.hash_record_extended(ROW({1}, {2}), 0) AS h FROM "
      "pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({3})), "
      "taken AS MATERIALIZED (SELECT h, {4} AS got FROM (SELECT DISTINCT h FROM keys ORDER BY h) AS ordered) "
      "SELECT keys.n, keys.h, taken.got FROM keys JOIN taken ON (keys.h OPERATOR(pg_catalog.=) taken.h) ORDER BY keys.n",
      QuoteName(TableSql::kNumber), QuoteLiteral(names) + "::pg_catalog.text", TableSql::Join(parts, ", "),
      TableSql::Join(record, ", "), lock);
  const postgres::Rows rows = sql_.Run(sql, TableSql::Numbered(values));
  std::vector<std::string> numbers;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    numbers.emplace_back(rows.Text(row, 1));
    if (purpose != Purpose::kMake || rows.Bool(row, 2)) continue;
    throw postgres::SqlFailure(
        {.sqlstate = std::string{kLockNotAvailable},
         .message = "another transaction of the bridge is making a row of " + table_.Relation() + " with this key",
         .schema = table_.Definition().schema,
         .table = table_.Definition().name});
  }
  return numbers;
}

std::vector<std::optional<Image>> TableReader::Fetch(Lock lock, const std::vector<json>& identities) const {
  std::vector<std::optional<Image>> images(identities.size());
  if (identities.empty()) return images;
  std::vector<std::string> record{TableSql::Typed(TableSql::kNumber, "pg_catalog.int4")};
  std::vector<std::string> conditions;
  for (std::size_t k = 0; k < table_.IdentityColumns().size(); ++k) {
    const std::string& name = table_.At(table_.IdentityColumns()[k]).name;
    record.push_back(TableSql::Typed(name, sql_.TypeOf(table_.IdentityColumns()[k])));
    conditions.push_back(sql_.Equal(table_.IdentityColumns()[k], "t." + QuoteName(name), "r." + QuoteName(name)));
  }
  const std::string sql = fmt::format(
      "SELECT r.{}, {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) JOIN {} AS t ON {} AND {} ORDER BY {}{}",
      QuoteName(TableSql::kNumber), sql_.SelectList(), TableSql::Join(record, ", "), table_.Quoted(),
      TableSql::Join(conditions, " AND "), TableSql::TakenForFew(), "t." + QuoteName(table_.At(table_.IdentityColumns()[0]).name),
      ClauseOf(lock));
  const postgres::Rows rows = sql_.Run(sql, TableSql::Numbered(identities));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    auto& image = images[static_cast<std::size_t>(rows.Int(row, 0))];
    if (image) table_.RefuseAlike();
    image = sql_.ImageAt(rows, row, 1);
  }
  return images;
}

/// Whether the column's type prints the value exactly as given, so that PostgreSQL need not be asked.
bool TableReader::IsAsItIs(std::size_t column, const json& value) const {
  if (!value.is_string() || table_.At(column).IsArray()) return false;
  const std::string& type = sql_.TypeOf(column);
  const auto& text = value.get_ref<const std::string&>();
  return (type == "text" || type == "pg_catalog.text") && mappings::FirstBadByte(text) == std::string::npos &&
         text.find('\0') == std::string::npos;
}

std::vector<Content> TableReader::Normalise(const std::vector<std::pair<std::size_t, json>>& values) const {
  std::vector<Content> normal(values.size());
  std::map<std::size_t, json> by_column;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].second.is_null() || IsAsItIs(values[i].first, values[i].second)) {
      normal[i] = values[i].second;
      continue;
    }
    by_column.try_emplace(values[i].first, json::array()).first->second.push_back({{"n", i}, {"v", values[i].second}});
  }
  if (by_column.empty()) return normal;
  std::vector<std::string> selects;
  json parameter = json::array();
  for (const auto& [column, list] : by_column) {
    selects.push_back(
        fmt::format("SELECT r.n, {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb OPERATOR(pg_catalog.->) {}) "
                    "AS r(n pg_catalog.int4, v {})",
                    sql_.AsText(column, "r.v"), parameter.size(), sql_.TypeOf(column)));
    parameter.push_back(list);
  }
  const postgres::Rows rows = sql_.Run(TableSql::Join(selects, " UNION ALL "), parameter);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto n = static_cast<std::size_t>(rows.Int(row, 0));
    const auto text = rows.Optional(row, 1);
    normal[n] = text ? json(*text) : json(nullptr);
  }
  return normal;
}

}  // namespace membridge::sync
