#include "mappings/check/row_check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "mappings/files/cell_reader.hpp"
#include "mappings/files/value_reader.hpp"

namespace membridge::mappings {
namespace {

std::vector<std::string> ColumnNames(const Table& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(column.name);
  return names;
}

std::string NoColumn(const Table& table, const std::string& name) {
  return fmt::format("{} has no column \"{}\"{}", table.name, name, DidYouMean(name, ColumnNames(table)));
}

/// Whether an index expression is `lower(column)`. The catalogue prints it as `lower(email)` or `lower((email)::text)`.
bool IsLowerOf(std::string expression, const std::string& column) {
  for (const std::string_view noise : {"::text", "::character varying", "(", ")", "\"", " "}) {
    for (auto at = expression.find(noise); at != std::string::npos; at = expression.find(noise))
      expression.erase(at, noise.size());
  }
  return expression == "lower" + column;
}

}  // namespace

RowCheck::RowCheck(const Mapping& mapping, const Row& row, const Table& table, const RowTables& tables, Diagnostics& problems)
    : mapping_(mapping),
      row_(row),
      table_(table),
      tables_(tables),
      problems_(problems),
      forecast_(mapping, [this](const Path& path) { return ColumnOf(path); }) {}

void RowCheck::Check() {
  CheckTable();
  CheckCells();
  CheckBookkeeping();
  if (row_.create) CheckRequiredColumns();
  CheckValues();
  CheckKeys();
}

Place RowCheck::KeywordPlace(const std::string& keyword) const {
  const auto found = row_.keywords.find(keyword);
  return found == row_.keywords.end() ? row_.place : found->second;
}

void RowCheck::CheckTable() {
  const bool writes = row_.create || !row_.set.empty();
  if (!table_.insertable && writes) {
    problems_.Error(row_.table_place, fmt::format("{} cannot be written: it is a view; name its table", table_.name));
  } else if (table_.Identity().empty() && row_.identity.empty() && writes) {
    problems_.Error(row_.table_place,
                    fmt::format("{} has neither a primary key nor a unique index of NOT NULL columns, so its rows could "
                                "not be remembered; add one, or name columns that tell them apart: identity: [...]",
                                table_.name));
  }
  CheckIdentity();
}

void RowCheck::CheckCells() {
  for (const Key& key : row_.keys) {
    for (const Assignment& part : key.parts) CheckCell(part.cell, part.cell_place, row_.create);
  }
  for (const auto* assignments : {&row_.fresh, &row_.set, &row_.touch, &row_.add}) {
    for (const Assignment& one : *assignments) CheckCell(one.cell, one.cell_place, true);
  }
  for (const Assignment& counter : row_.add) {
    const Column* column = table_.Find(counter.cell.column);
    if (column != nullptr && column->category != 'N') {
      problems_.Error(counter.cell_place, fmt::format("{} is {}; \"add\" counts in numbers", Named(*column), column->type));
    }
  }
}

void RowCheck::CheckCell(const Cell& cell, const Place& place, bool written) {
  if (cell.kind == Cell::Kind::kGroup) {
    for (const Cell& member : cell.members) CheckCell(member, place, written);
    return;
  }
  const Column* column = table_.Find(cell.column);
  if (column == nullptr) {
    problems_.Error(place, NoColumn(table_, cell.column));
    return;
  }
  if (written && column->generated)
    problems_.Error(place, fmt::format("{} is generated: the database computes it; leave it out", Named(*column)));
  if (written && column->identity_always) {
    problems_.Error(place, fmt::format("{} is an identity column: the database numbers it; leave it out", Named(*column)));
  }
  if (!cell.path.empty()) CheckJsonPath(cell, *column, place);
  if (cell.kind == Cell::Kind::kElements) CheckElements(cell, *column, place);
  if (cell.kind == Cell::Kind::kLowered && column->category != 'S') {
    problems_.Error(place, fmt::format("{} is {}; only text has a lower case", Named(*column), column->type));
  }
}

void RowCheck::CheckElements(const Cell& cell, const Column& column, const Place& place) {
  const bool is_list = column.IsArray() || column.IsJson();
  if (!cell.delimiter.empty()) {
    if (column.category == 'S') return;
    problems_.Error(place, fmt::format("{} is {}, not text; {}", Named(column), column.type,
                                       is_list ? fmt::format("write {}[]", cell.column) : "write it without []"));
  } else if (cell.path.empty() && !is_list) {
    problems_.Error(place, fmt::format("{} is {}, neither an array nor jsonb; write it without []", Named(column), column.type));
  }
}

void RowCheck::CheckJsonPath(const Cell& cell, const Column& column, const Place& place) {
  if (column.IsJson()) return;
  problems_.Error(
      place, fmt::format("{} is {}, not jsonb; it has no path \"{}\"", Named(column), column.type, fmt::join(cell.path, ".")));
}

void RowCheck::CheckIdentity() {
  if (row_.identity.empty()) return;
  const Place place = KeywordPlace("identity");
  for (const std::string& name : row_.identity) {
    const Column* column = table_.Find(name);
    if (column == nullptr) {
      problems_.Error(place, NoColumn(table_, name));
    } else if (!column->not_null) {
      problems_.Error(place, fmt::format("{} may be null, so it cannot tell rows apart; \"identity\" takes NOT NULL columns",
                                         Named(*column)));
    }
  }
  const std::vector<std::string> known = table_.Identity();
  if (table_.HasUniqueIdentity()) {
    problems_.Error(place, fmt::format("{} has a key that tells its rows apart, ({}); leave \"identity\" out", table_.name,
                                       fmt::join(known, ", ")));
  } else if (!known.empty() && known != row_.identity) {
    problems_.Error(place, fmt::format("the rows of {} are told apart by ({}) elsewhere; write the same everywhere", table_.name,
                                       fmt::join(known, ", ")));
  }
}

void RowCheck::CheckBookkeeping() {
  if (row_.live) CheckLive();
  if (row_.changed) {
    const Column* column = table_.Find(*row_.changed);
    const Place place = KeywordPlace("changed");
    if (column == nullptr) {
      problems_.Error(place, NoColumn(table_, *row_.changed));
    } else if (column->category != 'D') {
      problems_.Error(place, fmt::format("{} is {}; \"changed\" takes a time", Named(*column), column->type));
    }
  }
  if (row_.history) {
    CheckTimeColumn(row_.history->from, KeywordPlace("history"));
    CheckTimeColumn(row_.history->to, KeywordPlace("history"));
  }
}

void RowCheck::CheckTimeColumn(const std::string& name, const Place& place) {
  const Column* column = table_.Find(name);
  if (column == nullptr) {
    problems_.Error(place, NoColumn(table_, name));
  } else if (column->category != 'D') {
    problems_.Error(place, fmt::format("{} is {}; \"history\" takes two times", Named(*column), column->type));
  } else if (column->IsZoneless()) {
    WarnOfZone(*column, place, "");
  }
}

// A cell under `set` or `force` counts as given: without a value for it there is no row, by rule 3 of missing values. A path into
// the column counts, too: the new row gets a document with the value at that path.
bool RowCheck::IsGiven(const std::string& column) const {
  const auto gives = [&](const Cell& cell) {
    const auto whole = [&](const Cell& one) { return one.column == column; };
    return cell.kind == Cell::Kind::kGroup ? std::any_of(cell.members.begin(), cell.members.end(), whole) : whole(cell);
  };
  const auto any = [&](const std::vector<Assignment>& assignments) {
    return std::any_of(assignments.begin(), assignments.end(), [&](const Assignment& one) { return gives(one.cell); });
  };
  if (std::any_of(row_.keys.begin(), row_.keys.end(), [&](const Key& key) { return any(key.parts); })) return true;
  if (any(row_.fresh) || any(row_.set) || any(row_.touch) || any(row_.add)) return true;
  // The bridge itself writes this column when it creates a row.
  if (row_.live && row_.live->column == column) return true;
  return row_.history && (row_.history->from == column || row_.history->to == column);
}

void RowCheck::CheckRequiredColumns() {
  const Place place = KeywordPlace(row_.keywords.count("new") > 0 ? "new" : "table");
  for (const Column& column : table_.columns) {
    if (column.MayBeLeftOut() || IsGiven(column.name)) continue;
    problems_.Error(
        place, fmt::format("{} is NOT NULL without a default, and this row may be created: give it in \"new\"", Named(column)));
  }
}

void RowCheck::CheckKeys() {
  for (const Key& key : row_.keys) {
    if (key.parts.empty() || IsUnique(key)) continue;
    std::vector<std::string> columns;
    for (const Assignment& part : key.parts) columns.push_back(part.cell.name);
    std::vector<std::string> unique;
    for (const UniqueIndex& index : table_.unique_indexes) {
      unique.push_back(fmt::format("({}){}", fmt::join(index.columns, ", "), index.partial ? " in part" : ""));
    }
    problems_.Warn(key.place,
                   fmt::format("no unique index covers {} ({}); two rows may match.{}", table_.name, fmt::join(columns, ", "),
                               unique.empty() ? "" : fmt::format(" Unique here: {}", fmt::join(unique, ", "))));
  }
}

bool RowCheck::IsUnique(const Key& key) const {
  const auto in_key = [&](const std::string& indexed) {
    if (row_.history && (indexed == row_.history->from || indexed == row_.history->to)) return true;
    return std::any_of(key.parts.begin(), key.parts.end(), [&](const Assignment& part) {
      if (part.cell.kind == Cell::Kind::kColumn) return part.cell.column == indexed;
      return part.cell.kind == Cell::Kind::kLowered && IsLowerOf(indexed, part.cell.column);
    });
  };
  // An author who declares `identity` knows that no unique index exists.
  if (!row_.identity.empty() && std::all_of(row_.identity.begin(), row_.identity.end(), in_key)) return true;
  return std::any_of(table_.unique_indexes.begin(), table_.unique_indexes.end(), [&](const UniqueIndex& index) {
    // A partial index usually covers the live rows, and with `live` or `history` a key looks at live rows only.
    const bool whole = !index.partial || row_.live || row_.history;
    return whole && !index.columns.empty() && std::all_of(index.columns.begin(), index.columns.end(), in_key);
  });
}

}  // namespace membridge::mappings
