#include "mappings/files/row_rules.hpp"

#include <fmt/format.h>

#include "mappings/files/cell_reader.hpp"

namespace membridge::mappings {
namespace {

bool Has(const Row& row, const std::string& keyword) {
  return row.keywords.count(keyword) > 0;
}

class RowCheck {
 public:
  RowCheck(const Row& row, LoadContext& context) : row_(row), context_(context) {}

  void CheckCreation() {
    if (Has(row_, "key") == false) {
      if (!row_.create) Refuse("create", "a row without a \"key\" cannot be found, so it must be created");
      if (Has(row_, "history")) Refuse("history", "\"history\" needs a \"key\": versions of what?");
      if (Has(row_, "add")) Refuse("add", "\"add\" needs a \"key\": counters of what?");
    }
    if (!row_.create) {
      if (Has(row_, "new")) Refuse("new", "\"new\" has no effect on a row that is never created; remove it or \"create: false\"");
      if (row_.gone_deletes) Refuse("gone", "\"gone: delete\" has no effect on a row that is never created");
    }
    if (!Has(row_, "key") && !Has(row_, "new") && !Has(row_, "set") && !Has(row_, "force")) {
      context_.problems.Error(
          row_.place, fmt::format("row \"{}\" says nothing: give it a \"key\", \"set\", \"force\" or \"new\"", row_.name));
    }
  }

  void CheckEvents() {
    if (context_.mapping.from == Mapping::From::kEvent) {
      if (row_.gone_deletes) Refuse("gone", "\"gone: delete\" has no effect under \"from: event\": events are kept for ever");
    } else if (Has(row_, "add")) {
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
            context_.problems.Error(one.cell_place, fmt::format("{} belongs to \"{}\", which writes it", column, keyword));
          }
        }
      };
      look(row_.set);
      look(row_.touch);
      look(row_.add);
      if (row_.history) look(row_.fresh);
    };
    if (row_.history) {
      own(row_.history->from, "history");
      own(row_.history->to, "history");
    }
    if (row_.live && row_.gone_deletes) own(*row_.live, "live");
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

}  // namespace membridge::mappings
