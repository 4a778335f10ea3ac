#include <fmt/format.h>

#include <algorithm>

#include "mappings/check/constant_check.hpp"
#include "mappings/check/row_check.hpp"
#include "mappings/files/value_reader.hpp"

// Checks the values of a row (the right sides) against the columns they go to and the rows they read from.
namespace membridge::mappings {
namespace {

using CheckedValue = std::variant<Constant, Expression, TextWithHoles>;

std::vector<std::string> ReadableNames(const Table& table) {
  std::vector<std::string> names{"created"};
  for (const Column& column : table.columns) names.push_back(column.name);
  return names;
}

CheckedValue AsSingle(const ValueSpec& value) {
  if (const auto* expression = std::get_if<Expression>(&value)) return *expression;
  if (const auto* holes = std::get_if<TextWithHoles>(&value)) return *holes;
  return std::get<Constant>(value);
}

/// Returns the element of a constant list that belongs to one member of a group.
Constant MemberOf(const Constant& list, std::size_t index) {
  if (!list.value.is_array() || index >= list.value.size()) return {nullptr, nullptr};
  return {list.value[index], list.typed[index]};
}

bool LeavesLengthOpen(const CheckedValue& value) {
  bool found = false;
  const auto look = [&](const Expression& expression) {
    for (const Call& call : expression.Root().calls) found = found || IsOpenTruncate(call);
  };
  ForEachExpression(std::visit([](const auto& one) { return ValueSpec{one}; }, value), look);
  return found;
}

}  // namespace

void RowCheck::CheckValues() {
  for (const Expression& condition : row_.when) CheckPaths(condition);
  if (row_.each) CheckPaths(*row_.each);
  constexpr std::size_t kRestOfRow = 4;
  std::vector<const std::vector<Assignment>*> all{&row_.fresh, &row_.set, &row_.touch, &row_.add};
  for (const Key& key : row_.keys) all.push_back(&key.parts);
  for (std::size_t part = 0; part < all.size(); ++part) {
    const bool in_key = part >= kRestOfRow;
    for (const Assignment& one : *all[part]) {
      ForEachExpression(one.value, [&](const Expression& expression) { CheckPaths(expression); });
      const auto* list = std::get_if<std::vector<CheckedValue>>(&one.value);
      const auto* constant = std::get_if<Constant>(&one.value);
      if (one.cell.kind != Cell::Kind::kGroup) {
        if (list == nullptr) CheckValue(one.cell, AsSingle(one.value), one.value_place, in_key);
        continue;
      }
      for (std::size_t i = 0; i < one.cell.members.size(); ++i) {
        const CheckedValue member =
            list != nullptr ? (*list)[i] : CheckedValue{constant != nullptr ? MemberOf(*constant, i) : Constant{}};
        CheckValue(one.cell.members[i], member, one.value_place, in_key);
      }
    }
  }
}

void RowCheck::CheckValue(const Cell& cell, const CheckedValue& value, const Place& place, bool in_key) {
  const Column* column = table_.Find(cell.column);
  if (column == nullptr) return;
  const bool whole = cell.kind == Cell::Kind::kColumn || cell.kind == Cell::Kind::kLowered;
  if (LeavesLengthOpen(value) && (!whole || !column->max_length)) {
    problems_.Error(place, fmt::format("{} is {}, without a length of its own; write truncate(n)", Named(*column), column->type));
  }
  if (!cell.path.empty()) return;
  if (const auto* constant = std::get_if<Constant>(&value)) return CheckConstant(*column, constant->value, place);
  if (const auto* expression = std::get_if<Expression>(&value)) {
    for (const nlohmann::json& constant : forecast_.Constants(*expression)) CheckConstant(*column, constant, place);
  }
  if (whole) CheckLength(*column, value, place, in_key);
  if (const auto* expression = std::get_if<Expression>(&value); whole && expression != nullptr)
    CheckTime(*column, *expression, place);
}

void RowCheck::CheckConstant(const Column& column, const nlohmann::json& constant, const Place& place) {
  if (constant.is_null()) {
    if (column.not_null) problems_.Error(place, fmt::format("{} is NOT NULL; null cannot be written to it", Named(column)));
    return;
  }
  const std::string flaw = FlawOfConstant(column, constant);
  if (!flaw.empty()) problems_.Error(place, fmt::format("{} {}", Named(column), flaw));
}

void RowCheck::CheckLength(const Column& column, const CheckedValue& value, const Place& place, bool in_key) {
  if (!column.max_length) return;
  const auto own_length = static_cast<std::size_t>(*column.max_length);
  std::optional<std::size_t> longest = 0;
  const auto add = [&](std::optional<std::size_t> part) {
    longest = longest && part ? std::optional{*longest + *part} : std::nullopt;
  };
  if (const auto* expression = std::get_if<Expression>(&value)) add(forecast_.LongestText(*expression, own_length));
  if (const auto* holes = std::get_if<TextWithHoles>(&value)) {
    for (const auto& part : holes->parts) {
      const auto* text = std::get_if<std::string>(&part);
      add(text != nullptr ? text->size() : forecast_.LongestText(std::get<Expression>(part), own_length));
    }
  }
  if (longest && *longest <= own_length) return;
  if (in_key) {
    // Cutting could make two long keys equal, so that one finds the row of the other.
    problems_.Warn(place, fmt::format("{} is {}; a longer key will park the memory", Named(column), column.type));
    return;
  }
  const char* fix = std::holds_alternative<Expression>(value) ? "add" : "put into its holes";
  problems_.Warn(place, fmt::format("{} is {}; longer text will park the memory: {} \"| truncate({})\"", Named(column),
                                    column.type, fix, own_length));
}

const Column* RowCheck::ColumnOf(const Path& path) const {
  const auto* column = path.steps.empty() ? nullptr : std::get_if<std::string>(&path.steps.front());
  if (column == nullptr) return nullptr;
  if (path.name == "row") return table_.Find(*column);
  const auto table = tables_.find(path.name);
  return table == tables_.end() ? nullptr : table->second->Find(*column);
}

void RowCheck::CheckPaths(const Expression& expression) {
  ForEachPath(expression, [&](const Path& path) {
    const auto* column = path.steps.empty() ? nullptr : std::get_if<std::string>(&path.steps.front());
    const auto other = tables_.find(path.name);
    const Table* table = path.name == "row" ? &table_ : other == tables_.end() ? nullptr : other->second;
    if (column == nullptr || table == nullptr || *column == "created" || table->Find(*column) != nullptr) return;
    problems_.Error(path.place,
                    fmt::format("{} has no column \"{}\"{}", table->name, *column, DidYouMean(*column, ReadableNames(*table))));
  });
}

}  // namespace membridge::mappings
