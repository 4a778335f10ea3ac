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
  return std::any_of(node.calls.begin(), node.calls.end(), [](const Call& call) {
    return IsOpenTruncate(call) || std::any_of(call.arguments.begin(), call.arguments.end(), HasUnboundTruncate);
  });
}

Expression WithLength(const Expression& expression, std::size_t length) {
  if (!HasUnboundTruncate(expression)) return expression;
  auto node = std::make_shared<Expression::Node>(expression.Root());
  if (auto* inner = std::get_if<Expression>(&node->operand)) *inner = WithLength(*inner, length);
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

void Bind(std::vector<Assignment>& assignments, const Table& table) {
  for (Assignment& assignment : assignments) {
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

/// The schemas of `search_path: crm, "My Schema"`.
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
  const auto setting = mapping.session.find("search_path");
  if (row.schema.empty() && setting != mapping.session.end()) {
    Scope scope;
    scope.Set("vars", &mapping.vars);
    const auto text = TextOfSetting(setting->second, scope);
    for (const std::string& schema : Schemas(text.value_or(""))) {
      if (const Table* table = catalog.Find(schema, row.table)) return table;
    }
  }
  return catalog.Find(row.schema, row.table);
}

void BindLengths(Mapping& mapping, const Catalog& catalog) {
  for (Row& row : mapping.rows) {
    const Table* table = TableOf(row, mapping, catalog);
    if (table == nullptr) continue;
    for (Key& key : row.keys) Bind(key.parts, *table);
    for (auto* assignments : {&row.fresh, &row.set, &row.touch}) Bind(*assignments, *table);
  }
}

}  // namespace membridge::mappings
