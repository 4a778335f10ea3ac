#include "mappings/evaluate.hpp"

#include <algorithm>

#include "mappings/base/exact_json.hpp"
#include "mappings/language/expression_node.hpp"
#include "mappings/language/zone.hpp"

namespace membridge::mappings {
namespace {

using nlohmann::json;
using Single = std::variant<Constant, Expression, TextWithHoles>;

Value Filled(const TextWithHoles& holes, const Scope& scope) {
  auto text = TextOfParts(holes.parts, scope);
  return text ? Value{std::move(*text)} : std::nullopt;
}

/// Returns the form of a constant for its cell. A scalar for a column stays text, which the column's type reads. Lists, maps and
/// values inside json keep their YAML types.
const json& Read(const Constant& constant, Cell::Kind into) {
  const bool text = into == Cell::Kind::kColumn || into == Cell::Kind::kLowered;
  return text && !constant.value.is_structured() ? constant.value : constant.typed;
}

Value Evaluated(const Single& single, Cell::Kind into, const Scope& scope) {
  if (const auto* constant = std::get_if<Constant>(&single)) return Read(*constant, into);
  if (const auto* expression = std::get_if<Expression>(&single)) return expression->Evaluate(scope);
  return Filled(std::get<TextWithHoles>(single), scope);
}

/// Converts a time to the form that its column takes, if the mapping's session names a time zone. Other values stay as they are.
Value ByClock(const Cell& cell, Value value) {
  if (cell.clock == Cell::Clock::kAsGiven || !value || !value->is_string()) return value;
  auto turned = cell.clock == Cell::Clock::kToLocal ? ToLocalTime(value->get_ref<const std::string&>(), cell.zone)
                                                    : ToInstantText(value->get_ref<const std::string&>(), cell.zone);
  return turned ? Value{std::move(*turned)} : value;
}

Value AsElements(Value value) {
  if (!value || value->is_array() || value->is_null()) return value;
  return json::array({std::move(*value)});
}

Value Group(const Cell& cell, const std::vector<Single>& list, const Scope& scope) {
  json values = json::array();
  for (std::size_t i = 0; i < cell.members.size(); ++i) {
    Value member = ByClock(cell.members[i], Evaluated(list[i], cell.members[i].kind, scope));
    if (!member) return std::nullopt;
    values.push_back(std::move(*member));
  }
  return values;
}

Value ValueOf(const Assignment& assignment, const Scope& scope) {
  const Cell& cell = assignment.cell;
  if (const auto* list = std::get_if<std::vector<Single>>(&assignment.value)) {
    if (cell.kind == Cell::Kind::kGroup) return Group(cell, *list, scope);
    json values = json::array();
    for (const Single& single : *list) {
      if (Value value = Evaluated(single, Cell::Kind::kElements, scope)) values.push_back(std::move(*value));
    }
    return values;
  }
  if (const auto* constant = std::get_if<Constant>(&assignment.value)) {
    if (cell.kind != Cell::Kind::kGroup)
      return cell.kind == Cell::Kind::kElements ? AsElements(constant->typed) : ByClock(cell, Read(*constant, cell.kind));
    json values = json::array();
    for (std::size_t i = 0; i < cell.members.size(); ++i) {
      const bool text = cell.members[i].kind == Cell::Kind::kColumn && constant->value.is_array();
      json member = !constant->value.is_array() ? json(nullptr) : text ? constant->value[i] : constant->typed[i];
      values.push_back(*ByClock(cell.members[i], std::move(member)));
    }
    return values;
  }
  const auto* expression = std::get_if<Expression>(&assignment.value);
  Value value = expression != nullptr ? expression->Evaluate(scope) : Filled(std::get<TextWithHoles>(assignment.value), scope);
  return cell.kind == Cell::Kind::kElements ? AsElements(std::move(value)) : ByClock(cell, std::move(value));
}

/// Whether a memory gives the cell a value. Constants of the mapping, null and an empty list do not count.
bool Counts(const CellValue& value) {
  if (value.to->constant || value.value.is_null()) return false;
  if (value.to->cell.kind == Cell::Kind::kElements) return !value.value.empty();
  if (value.to->cell.kind != Cell::Kind::kGroup) return true;
  return std::any_of(value.value.begin(), value.value.end(), [](const json& member) { return !member.is_null(); });
}

enum class Which { kEarly, kLate, kAll };

std::vector<CellValue> ValuesOf(const std::vector<Assignment>& assignments, Which which, const Scope& scope) {
  std::vector<CellValue> values;
  for (const Assignment& assignment : assignments) {
    if (which != Which::kAll && assignment.uses_row != (which == Which::kLate)) continue;
    if (Value value = ValueOf(assignment, scope)) values.push_back({&assignment, std::move(*value)});
  }
  return values;
}

bool AllTrue(const std::vector<Expression>& conditions, const Scope& scope) {
  return std::all_of(conditions.begin(), conditions.end(),
                     [&](const Expression& condition) { return IsTrue(condition.Evaluate(scope)); });
}

}  // namespace

std::optional<std::string> TextOfSetting(const ValueSpec& setting, const Scope& scope) {
  Value value;
  if (const auto* constant = std::get_if<Constant>(&setting)) value = constant->value;
  if (const auto* expression = std::get_if<Expression>(&setting)) value = expression->Evaluate(scope);
  if (const auto* holes = std::get_if<TextWithHoles>(&setting)) value = Filled(*holes, scope);
  return value ? Spoken(*value) : std::nullopt;
}

bool Speaks(const Mapping& mapping, const Scope& scope) {
  return AllTrue(mapping.when, scope);
}

std::vector<json> ItemsOf(const Row& row, const Scope& scope) {
  if (!row.each) return {nullptr};
  Value value = row.each->Evaluate(scope);
  if (!value || value->is_null()) return {};
  if (!value->is_array()) return {std::move(*value)};
  std::vector<json> items;
  for (json& element : *value) {
    if (!element.is_null()) items.push_back(std::move(element));
  }
  return items;
}

std::optional<RowIntent> Intend(const Row& row, const Scope& scope) {
  if (!AllTrue(row.when, scope)) return std::nullopt;
  RowIntent intent;
  for (const Key& key : row.keys) {
    std::vector<CellValue> parts = ValuesOf(key.parts, Which::kAll, scope);
    if (parts.size() == key.parts.size()) intent.keys.push_back({&key, std::move(parts)});
  }
  if (intent.keys.empty() && !row.keys.empty()) return std::nullopt;
  intent.set = ValuesOf(row.set, Which::kEarly, scope);
  intent.fresh = ValuesOf(row.fresh, Which::kEarly, scope);
  intent.holds = !row.create_with_cells || std::any_of(intent.set.begin(), intent.set.end(), Counts);
  return intent;
}

LateValues Late(const Row& row, const Scope& scope) {
  return {ValuesOf(row.set, Which::kLate, scope), ValuesOf(row.fresh, Which::kLate, scope)};
}

std::vector<CellValue> Touch(const Row& row, const Scope& scope) {
  return ValuesOf(row.touch, Which::kAll, scope);
}

// A counter accepts a number in every form: written in the mapping (`1`), a text in the data (`'7'`), or computed.
std::vector<CellValue> Add(const Row& row, const Scope& scope) {
  std::vector<CellValue> values;
  for (CellValue& value : ValuesOf(row.add, Which::kAll, scope)) {
    if (value.value.is_string()) value.value = ParseExact(value.value.get_ref<const std::string&>());
    if (IsNumber(value.value)) values.push_back(std::move(value));
  }
  return values;
}

}  // namespace membridge::mappings
