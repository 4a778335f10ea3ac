#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "mappings/base/diagnostic.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/check/text_bound.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// The tables of a mapping's rows by row name. Rows whose table is unknown are left out.
using RowTables = std::map<std::string, const Table*>;

/// Compares one row of a mapping with its table and reports what does not fit. Everything passed in outlives it. Threads: one.
class RowCheck {
 public:
  RowCheck(const Mapping& mapping, const Row& row, const Table& table, const RowTables& tables, Diagnostics& problems);

  void Check();

 private:
  void CheckTable();
  void CheckCells();
  void CheckCell(const Cell& cell, const Place& place, bool written);
  void CheckElements(const Cell& cell, const Column& column, const Place& place);
  void CheckJsonPath(const Cell& cell, const Column& column, const Place& place);
  void CheckBookkeeping();
  void CheckIdentity();
  void CheckLive();
  void CheckLiveAtBirth(const Column& column, const Place& place);
  void CheckTimeColumn(const std::string& name, const Place& place);
  void CheckRequiredColumns();
  bool IsGiven(const std::string& column) const;
  void CheckValues();
  void CheckValue(const Cell& cell, const std::variant<Constant, Expression, TextWithHoles>& value, const Place& place,
                  bool in_key);
  void CheckConstant(const Column& column, const nlohmann::json& constant, const Place& place);
  void CheckLength(const Column& column, const std::variant<Constant, Expression, TextWithHoles>& value, const Place& place,
                   bool in_key);
  void CheckTime(const Column& column, const Expression& expression, const Place& place);
  void WarnOfZone(const Column& column, const Place& place, std::string_view fix);
  void CheckPaths(const Expression& expression);
  void CheckKeys();
  bool IsUnique(const Key& key) const;
  const Column* ColumnOf(const Path& path) const;
  std::string Named(const Column& column) const { return table_.name + "." + column.name; }
  Place KeywordPlace(const std::string& keyword) const;

  const Mapping& mapping_;
  const Row& row_;
  const Table& table_;
  const RowTables& tables_;
  Diagnostics& problems_;
  ValueForecast forecast_;
};

}  // namespace membridge::mappings
