#include "mappings/files/row_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mappings/files/cell_reader.hpp"
#include "mappings/files/value_reader.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::mappings {
namespace {

bool HasKeyword(const Row& row, const std::string& keyword) {
  return row.keywords.count(keyword) > 0;
}

class RowCheck {
 public:
  RowCheck(const Row& row, LoadContext& context) : row_(row), context_(context) {}

  void CheckCreation() {
    if (HasKeyword(row_, "key") == false) {
      if (!row_.create) Refuse("create", "a row without a \"key\" cannot be found, so it must be created");
      if (HasKeyword(row_, "history")) Refuse("history", "\"history\" needs a \"key\": versions of what?");
      if (HasKeyword(row_, "add")) Refuse("add", "\"add\" needs a \"key\": counters of what?");
    }
    if (!row_.create) {
      if (HasKeyword(row_, "new"))
        Refuse("new", "\"new\" has no effect on a row that is never created; remove it or \"create: false\"");
      if (row_.gone_deletes) Refuse("gone", "\"gone: delete\" has no effect on a row that is never created");
    }
    const bool any_value =
        std::any_of(row_.set.begin(), row_.set.end(), [](const Assignment& one) { return !one.constant && !one.uses_row; });
    if (row_.create_with_cells && !any_value) {
      Refuse(
          "create",
          "\"create: with_cells\" makes a row when a cell of \"set\" or \"force\" has a value, and none here can: constants and "
          "what is made of $row do not count");
    }
    if (!HasKeyword(row_, "key") && !HasKeyword(row_, "new") && !HasKeyword(row_, "set") && !HasKeyword(row_, "force")) {
      context_.problems.Error(
          row_.place, fmt::format("row \"{}\" says nothing: give it a \"key\", \"set\", \"force\" or \"new\"", row_.name));
    }
  }

  void CheckEvents() {
    if (context_.mapping.from == Mapping::From::kEvent) {
      if (row_.gone_deletes) Refuse("gone", "\"gone: delete\" has no effect under \"from: event\": events are kept for ever");
    } else if (HasKeyword(row_, "add")) {
      Refuse("add", "\"add\" counts events; it needs \"from: event\"");
    }
  }

  void CheckCells() {
    for (std::size_t i = 0; i < row_.set.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) RefuseOverlap(row_.set[i], row_.set[j]);
      for (const Assignment& touch : row_.touch) RefuseOverlap(row_.set[i], touch);
      for (const Assignment& add : row_.add) RefuseOverlap(row_.set[i], add);
    }
    for (const Key& key : row_.keys) {
      for (std::size_t i = 0; i < key.parts.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) RefuseOverlap(key.parts[i], key.parts[j]);
        for (const Assignment& fresh : row_.fresh) RefuseOverlap(fresh, key.parts[i]);
        for (const Assignment& touch : row_.touch) RefuseOverlap(touch, key.parts[i]);
        for (const Assignment& add : row_.add) RefuseOverlap(add, key.parts[i]);
      }
    }
    for (const Assignment& touch : row_.touch) RefuseStructure(touch, "touch");
    for (const Assignment& add : row_.add) RefuseStructure(add, "add");
  }

  void CheckBookkeeping() {
    const auto own = [&](const std::string& column, const char* keyword) {
      const auto look = [&](const std::vector<Assignment>& assignments) {
        for (const Assignment& one : assignments) {
          for (const std::string& written : ColumnsOf(one.cell)) {
            if (written != column) continue;
            const bool is_ours = std::string_view{keyword} != "changed";
            context_.problems.Error(
                one.cell_place, is_ours
                                    ? fmt::format("{} belongs to \"{}\", which writes it", column, keyword)
                                    : fmt::format("{} is said to be moved by others (\"changed\"); it is not written", column));
          }
        }
      };
      look(row_.set);
      look(row_.touch);
      look(row_.add);
      if (row_.history || row_.changed == column) look(row_.fresh);
    };
    if (row_.history) {
      own(row_.history->from, "history");
      own(row_.history->to, "history");
    }
    if (row_.changed) own(*row_.changed, "changed");
    if (row_.live && row_.gone_deletes) own(row_.live->column, "live");
    const bool by_value = row_.live && row_.live->shape == Live::Shape::kValue;
    if (by_value && row_.gone_deletes && !row_.live->gone) {
      Refuse("live",
             fmt::format("\"gone: delete\" marks the row here: say with what, as in {{column: {}, is: {}, gone: ...}}",
                         row_.live->column, row_.live->is.value.is_null() ? "null" : row_.live->is.value.get<std::string>()));
    }
    if (by_value && row_.live->gone && !row_.gone_deletes)
      Refuse("live", "\"gone\" inside \"live\" has no effect without \"gone: delete\"");
    if (row_.changed && row_.now_column) {
      Refuse("changed", fmt::format("{} under \"touch\" tells later human edits already; give one of the two", *row_.now_column));
    }
  }

 private:
  void Refuse(const std::string& keyword, const std::string& message) {
    const auto found = row_.keywords.find(keyword);
    context_.problems.Error(found == row_.keywords.end() ? row_.place : found->second, message);
  }

  void RefuseOverlap(const Assignment& one, const Assignment& other) {
    if (!Overlap(one.cell, other.cell)) return;
    context_.problems.Error(
        one.cell_place,
        one.cell.name == other.cell.name
            ? fmt::format("{} is written twice in this row, also on line {}", one.cell.name, other.cell_place.line)
            : fmt::format("{} overlaps {} on line {}", one.cell.name, other.cell.name, other.cell_place.line));
  }

  void RefuseStructure(const Assignment& one, const char* keyword) {
    if (one.cell.kind == Cell::Kind::kColumn) return;
    context_.problems.Error(one.cell_place, fmt::format("\"{}\" takes whole columns, not {}", keyword, one.cell.name));
  }

  const Row& row_;
  LoadContext& context_;
};

}  // namespace

void CheckRow(const Row& row, LoadContext& context) {
  RowCheck check{row, context};
  check.CheckCreation();
  check.CheckEvents();
  check.CheckCells();
  check.CheckBookkeeping();
}

namespace {

/// Returns the last function of the expression if it gives true or false for every memory (`has`, `is`, `not`); else nullptr.
const Call* LastTest(const Expression& expression) {
  const auto& calls = expression.Root().calls;
  if (calls.empty()) {
    const auto* inner = std::get_if<Expression>(&expression.Root().operand);
    return inner == nullptr ? nullptr : LastTest(*inner);
  }
  const std::string_view name = calls.back().function->name;
  return name == "has" || name == "is" || name == "not" ? &calls.back() : nullptr;
}

/// Whether each memory has a row of its own. Then its false cannot overrule another memory.
bool IsOneMemorys(const Row& row) {
  if (row.keys.empty()) return true;
  bool by_id = false;
  for (const Key& key : row.keys) {
    for (const Assignment& part : key.parts) {
      ForEachExpression(part.value, [&](const Expression& expression) {
        by_id = by_id || expression.FieldsOf("memory").count("id") > 0 || expression.FieldsOf("event").count("id") > 0;
      });
    }
  }
  return by_id;
}

}  // namespace

void WarnOfFalse(const Row& row, LoadContext& context) {
  if (context.mapping.from == Mapping::From::kExport || IsOneMemorys(row)) return;
  for (const Assignment& one : row.set) {
    ForEachExpression(one.value, [&](const Expression& expression) {
      const Call* last = LastTest(expression);
      if (last == nullptr || std::holds_alternative<TextWithHoles>(one.value) || one.derived || one.constant) return;
      context.problems.Warn(
          last->place,
          fmt::format(
              "{} is false by \"{}\" for every memory that does not say it, and the newest counts; so that those say nothing "
              "write {}",
              one.cell.name, last->function->name,
              one.written.empty() ? "... | yes" : fmt::format("{}: {} | yes", one.cell.name, one.written)));
    });
  }
}

}  // namespace membridge::mappings
