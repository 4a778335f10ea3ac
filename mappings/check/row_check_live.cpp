#include <fmt/format.h>

#include "mappings/check/constant_check.hpp"
#include "mappings/check/liveness.hpp"
#include "mappings/check/row_check.hpp"

// The soft-delete column of a row: what it may be, and whether a new row is alive.
namespace membridge::mappings {

void RowCheck::CheckLive() {
  const Live& live = *row_.live;
  const Place place = KeywordPlace("live");
  const Column* column = table_.Find(live.column);
  if (column == nullptr) {
    std::vector<std::string> names;
    for (const Column& one : table_.columns) names.push_back(one.name);
    problems_.Error(place, fmt::format("{} has no column \"{}\"{}", table_.name, live.column, DidYouMean(live.column, names)));
    return;
  }
  switch (live.shape) {
    case Live::Shape::kByType:
      if (column->category != 'B' && column->category != 'D') {
        problems_.Error(place, fmt::format("{} is {}; \"live\" takes a time (null is live) or a boolean (true is live)",
                                           Named(*column), column->type));
        return;
      }
      break;
    case Live::Shape::kNot:
      if (column->category != 'B') {
        problems_.Error(place, fmt::format("{} is {}; \"!{}\" takes a boolean (false or null is live)", Named(*column),
                                           column->type, live.column));
        return;
      }
      break;
    case Live::Shape::kValue:
      CheckConstant(*column, live.is.value, live.place);
      if (live.gone && std::holds_alternative<Constant>(*live.gone))
        CheckConstant(*column, std::get<Constant>(*live.gone).value, live.place);
      break;
  }
  if (column->not_null && row_.gone_deletes && live.shape == Live::Shape::kByType && column->category == 'D') {
    problems_.Error(place, fmt::format("{} is NOT NULL, and null is what a row that is alive holds; say which value is live: "
                                       "{{column: {}, is: ..., gone: ...}}",
                                       Named(*column), live.column));
    return;
  }
  if (row_.gone_deletes && column->IsZoneless() && live.shape == Live::Shape::kByType) WarnOfZone(*column, place, "");
  if (row_.create) CheckLiveAtBirth(*column, place);
}

/// A row that is created dead would not be found at the next reading, so the mapping would take it back.
void RowCheck::CheckLiveAtBirth(const Column& column, const Place& place) {
  const Liveness liveness{*row_.live, column, &mapping_.vars};
  const auto look = [&](const std::vector<Assignment>& assignments) {
    for (const Assignment& one : assignments) {
      const auto* constant = std::get_if<Constant>(&one.value);
      if (constant == nullptr || one.cell.kind != Cell::Kind::kColumn || one.cell.column != column.name) continue;
      if (!constant->value.is_null() && !constant->value.is_string()) continue;
      const auto text = constant->value.is_null() ? std::nullopt : std::optional{constant->value.get<std::string>()};
      if (!liveness.IsLive(text))
        problems_.Error(one.value_place,
                        fmt::format("\"live\" says that a row with {} in {} is deleted, so a new row would never be seen",
                                    text.value_or("null"), Named(column)));
    }
  };
  look(row_.fresh);
  look(row_.set);
  if (!column.generated && !column.identity_always) return;
  if (row_.gone_deletes) {
    problems_.Error(place,
                    fmt::format("{} is computed by the database, so \"gone: delete\" cannot write it; name the column it is "
                                "computed from",
                                Named(column)));
  } else {
    problems_.Warn(place, fmt::format("{} is computed by the database: the bridge cannot see to it that a new row is alive, and "
                                      "takes back what it wrote in a dead one at the next reading",
                                      Named(column)));
  }
}

}  // namespace membridge::mappings
