#include "sync/apply/table_sql.hpp"

#include <fmt/format.h>

#include "mappings/base/exact_json.hpp"

namespace membridge::sync {

using nlohmann::json;
using postgres::QuoteLiteral;
using postgres::QuoteName;

std::string TableSql::Join(const std::vector<std::string>& parts, std::string_view between) {
  return fmt::format("{}", fmt::join(parts, between));
}

std::string TableSql::Typed(std::string_view name, std::string_view type) {
  return QuoteName(name) + " " + std::string{type};
}

std::string TableSql::PathLiteral(const std::vector<std::string>& path, std::size_t length) {
  std::vector<postgres::Param> steps(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(length));
  return QuoteLiteral(postgres::ArrayOf(steps)) + "::pg_catalog.text[]";
}

std::string TableSql::TakenForFew() {
  return fmt::format("(r.{0} OPERATOR(pg_catalog.>=) 0) AND ((r.{0} OPERATOR(pg_catalog.+) 0) OPERATOR(pg_catalog.>=) 0)",
                     QuoteName(kNumber));
}

json TableSql::Numbered(const std::vector<json>& values) {
  json list = json::array();
  for (std::size_t i = 0; i < values.size(); ++i) {
    list.push_back(values[i]);
    list.back()[std::string{kNumber}] = i;
  }
  return list;
}

std::string TableSql::IdentityName(std::size_t position) {
  return fmt::format("membridge_k{}", position);
}

const std::string& TableSql::TypeOf(std::size_t column) const {
  const mappings::Column& named = table_.At(column);
  return named.sql_type.empty() ? named.type : named.sql_type;
}

std::string TableSql::Equal(std::size_t column, const std::string& left, const std::string& right) const {
  const std::string& equality = table_.At(column).equality;
  if (!equality.empty()) return fmt::format("({} {} {})", left, equality, right);
  return fmt::format("(({})::pg_catalog.text OPERATOR(pg_catalog.=) ({})::pg_catalog.text)", left, right);
}

std::string TableSql::AsText(std::size_t column, const std::string& value) const {
  return table_.At(column).IsArray() ? "pg_catalog.to_jsonb(" + value + ")::pg_catalog.text" : value + "::pg_catalog.text";
}

std::string TableSql::SelectList() const {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < table_.Definition().columns.size(); ++i) {
    if (table_.Reads(i)) parts.push_back(AsText(i, "t." + QuoteName(table_.At(i).name)));
  }
  return Join(parts, ", ");
}

Image TableSql::ImageAt(const postgres::Rows& rows, std::size_t row, std::size_t first) const {
  Image image;
  const std::size_t columns = table_.Definition().columns.size();
  image.reserve(columns);
  for (std::size_t i = 0; i < columns; ++i) image.push_back(table_.Reads(i) ? rows.Optional(row, first++) : std::nullopt);
  return image;
}

std::string TableSql::KeyInRow(const TargetTable::KeyColumn& part) const {
  std::string column = "t." + QuoteName(table_.At(part.column).name);
  if (part.lowered) return "pg_catalog.lower(" + column + ")";
  if (part.path.empty()) return column;
  return fmt::format("({}::pg_catalog.jsonb OPERATOR(pg_catalog.#>>) {})", column, PathLiteral(part.path, part.path.size()));
}

std::string TableSql::KeyInRecord(const TargetTable::KeyColumn& part) const {
  const std::string value = "r." + QuoteName(table_.NameOf(part));
  return part.lowered ? "pg_catalog.lower(" + value + ")" : value;
}

std::string TableSql::TypedKey(const TargetTable::KeyColumn& part) const {
  return Typed(table_.NameOf(part), part.path.empty() ? TypeOf(part.column) : "pg_catalog.text");
}

postgres::Rows TableSql::Run(const std::string& sql, const json& parameter) const {
  const auto& role = table_.Role();
  if (role) transaction_.Run("SET LOCAL ROLE " + QuoteName(*role));
  postgres::Rows rows = transaction_.Run(sql, {mappings::ExactText(parameter)});
  if (role) transaction_.Run("SET LOCAL ROLE NONE");
  return rows;
}

postgres::Rows TableSql::RunWrite(const std::string& sql, const json& parameter) const {
  const auto& zone = table_.Zone();
  if (!zone) return Run(sql, parameter);
  const postgres::Rows before =
      transaction_.Run("SELECT pg_catalog.current_setting('TimeZone'), pg_catalog.set_config('TimeZone', $1, true)", {*zone});
  postgres::Rows rows = Run(sql, parameter);
  transaction_.Run("SELECT pg_catalog.set_config('TimeZone', $1, true)", {std::string{before.Text(0, 0)}});
  return rows;
}

}  // namespace membridge::sync
