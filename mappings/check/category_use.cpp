#include "mappings/check/category_use.hpp"

#include <algorithm>
#include <tuple>

#include "mappings/files/value_reader.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::mappings {
namespace {

bool IsCategories(const Expression::Node& node) {
  const auto* path = std::get_if<Path>(&node.operand);
  if (path == nullptr || path->name != "memory" || path->steps.size() != 1) return false;
  const auto* field = std::get_if<std::string>(&path->steps.front());
  return field != nullptr && *field == "categories";
}

void Collect(const Expression& expression, std::vector<CategoryUse>& found) {
  const Expression::Node& node = expression.Root();
  if (const auto* inner = std::get_if<Expression>(&node.operand)) Collect(*inner, found);
  for (const Call& call : node.calls) {
    for (const Expression& argument : call.arguments) {
      const auto* text = std::get_if<nlohmann::json>(&argument.Root().operand);
      const bool is_name = text != nullptr && text->is_string() && argument.Root().calls.empty();
      if (is_name && call.function->name == "has" && IsCategories(node)) found.push_back({text->get<std::string>(), call.place});
      Collect(argument, found);
    }
  }
}

}  // namespace

std::vector<CategoryUse> CategoriesIn(const Mapping& mapping) {
  std::vector<CategoryUse> found;
  const auto look = [&](const Expression& expression) { Collect(expression, found); };
  std::for_each(mapping.when.begin(), mapping.when.end(), look);
  for (const Row& row : mapping.rows) {
    std::for_each(row.when.begin(), row.when.end(), look);
    if (row.each) look(*row.each);
    for (const auto* assignments : {&row.fresh, &row.set, &row.touch, &row.add}) {
      for (const Assignment& assignment : *assignments) ForEachExpression(assignment.value, look);
    }
    for (const Key& key : row.keys) {
      for (const Assignment& part : key.parts) ForEachExpression(part.value, look);
    }
  }
  const auto order = [](const CategoryUse& use) { return std::tie(use.place.line, use.place.column, use.category); };
  std::stable_sort(found.begin(), found.end(), [&](const CategoryUse& a, const CategoryUse& b) { return order(a) < order(b); });
  const auto same = [&](const CategoryUse& a, const CategoryUse& b) { return order(a) == order(b); };
  found.erase(std::unique(found.begin(), found.end(), same), found.end());
  return found;
}

}  // namespace membridge::mappings
