#include <algorithm>

#include "mappings/base/utf8.hpp"
#include "mappings/check/check.hpp"
#include "mappings/evaluate.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::mappings {
namespace {

using SingleValue = std::variant<Constant, Expression, TextWithHoles>;

bool HasUnboundTruncate(const Expression& expression) {
  const Expression::Node& node = expression.Root();
  const auto* inner = std::get_if<Expression>(&node.operand);
  if (inner != nullptr && HasUnboundTruncate(*inner)) return true;
  if (const auto* text = std::get_if<Template>(&node.operand)) {
    for (const auto& part : text->parts) {
      const auto* hole = std::get_if<Expression>(&part);
      if (hole != nullptr && HasUnboundTruncate(*hole)) return true;
    }
  }
  return std::any_of(node.calls.begin(), node.calls.end(), [](const Call& call) {
    return IsOpenTruncate(call) || std::any_of(call.arguments.begin(), call.arguments.end(), HasUnboundTruncate);
  });
}

Expression WithLength(const Expression& expression, std::size_t length) {
  if (!HasUnboundTruncate(expression)) return expression;
  auto node = std::make_shared<Expression::Node>(expression.Root());
  if (auto* inner = std::get_if<Expression>(&node->operand)) *inner = WithLength(*inner, length);
  if (auto* text = std::get_if<Template>(&node->operand)) {
    for (auto& part : text->parts) {
      if (auto* hole = std::get_if<Expression>(&part)) *hole = WithLength(*hole, length);
    }
  }
  for (Call& call : node->calls) {
    if (IsOpenTruncate(call)) call.length = length;
    for (Expression& argument : call.arguments) argument = WithLength(argument, length);
  }
  return Expression{std::move(node)};
}

template <class Spec>
void BindSpec(Spec& spec, const Cell& cell, const Table& table) {
  const Column* column =
      cell.kind == Cell::Kind::kColumn || cell.kind == Cell::Kind::kLowered ? table.Find(cell.column) : nullptr;
  if (column == nullptr || !column->max_length) return;
  const auto length = static_cast<std::size_t>(*column->max_length);
  if (auto* expression = std::get_if<Expression>(&spec)) *expression = WithLength(*expression, length);
  if (auto* holes = std::get_if<TextWithHoles>(&spec)) {
    for (auto& part : holes->parts) {
      if (auto* hole = std::get_if<Expression>(&part)) *hole = WithLength(*hole, length);
    }
  }
}

/// Sets how times are converted for the cell under the session's time zone.
void BindClock(Cell& cell, const Table& table, const std::string& zone) {
  for (Cell& member : cell.members) BindClock(member, table, zone);
  const Column* column = cell.kind == Cell::Kind::kColumn ? table.Find(cell.column) : nullptr;
  if (column == nullptr) return;
  cell.zone = zone;
  // The day of a time is also taken from the zone's local time.
  if (column->IsZoneless() || column->base_type == "date") cell.clock = Cell::Clock::kToLocal;
  if (column->base_type == "timestamp with time zone") cell.clock = Cell::Clock::kToInstant;
}

void Bind(std::vector<Assignment>& assignments, const Table& table, const std::optional<std::string>& zone) {
  for (Assignment& assignment : assignments) {
    if (zone) BindClock(assignment.cell, table, *zone);
    auto* list = std::get_if<std::vector<SingleValue>>(&assignment.value);
    if (list == nullptr) {
      BindSpec(assignment.value, assignment.cell, table);
      continue;
    }
    for (std::size_t i = 0; i < list->size() && i < assignment.cell.members.size(); ++i) {
      BindSpec((*list)[i], assignment.cell.members[i], table);
    }
  }
}

/// Splits a setting such as `search_path: crm, "My Schema"` into its schemas.
std::vector<std::string> Schemas(const std::string& setting) {
  std::vector<std::string> schemas;
  std::string_view rest = setting;
  for (;;) {
    const std::size_t comma = rest.find(',');
    std::string_view schema = Trimmed(rest.substr(0, comma));
    if (schema.size() > 1 && schema.front() == '"' && schema.back() == '"') schema = schema.substr(1, schema.size() - 2);
    if (!schema.empty()) schemas.emplace_back(schema);
    if (comma == std::string_view::npos) return schemas;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

const Table* TableOf(const Row& row, const Mapping& mapping, const Catalog& catalog) {
  return FindTable(row.schema, row.table, mapping, catalog);
}

const Table* FindTable(const std::string& schema, const std::string& table, const Mapping& mapping, const Catalog& catalog) {
  const auto setting = mapping.session.find("search_path");
  if (schema.empty() && setting != mapping.session.end()) {
    Scope scope;
    scope.Set("vars", &mapping.vars);
    const auto text = TextOfSetting(setting->second, scope);
    for (const std::string& visible : Schemas(text.value_or(""))) {
      if (const Table* found = catalog.Find(visible, table)) return found;
    }
  }
  return catalog.Find(schema, table);
}

void DeclareIdentities(Catalog& catalog, const std::vector<const Mapping*>& mappings) {
  for (const Mapping* mapping : mappings) {
    for (const Row& row : mapping->rows) {
      const Table* table = row.identity.empty() ? nullptr : TableOf(row, *mapping, catalog);
      if (table == nullptr || table->HasUniqueIdentity() || !table->declared_identity.empty()) continue;
      const bool known = std::all_of(row.identity.begin(), row.identity.end(),
                                     [&](const std::string& column) { return table->Find(column) != nullptr; });
      if (known) catalog.FindForChange(table->schema, table->name)->declared_identity = row.identity;
    }
  }
}

void BindLengths(Mapping& mapping, const Catalog& catalog) {
  for (Row& row : mapping.rows) {
    const Table* table = TableOf(row, mapping, catalog);
    if (table == nullptr) continue;
    for (Key& key : row.keys) Bind(key.parts, *table, mapping.timezone);
    for (auto* assignments : {&row.fresh, &row.set, &row.touch}) Bind(*assignments, *table, mapping.timezone);
  }
}

}  // namespace membridge::mappings
