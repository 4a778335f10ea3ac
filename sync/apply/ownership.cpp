#include "sync/apply/ownership.hpp"

#include <algorithm>
#include <cctype>

#include "mappings/base/exact_json.hpp"
#include "sync/apply/cells.hpp"

namespace membridge::sync {
namespace {

using mappings::Cell;
using nlohmann::json;

bool SameLetters(const std::string& one, const std::string& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](unsigned char a, unsigned char b) {
    return a == b || (a < 0x80 && b < 0x80 && std::tolower(a) == std::tolower(b));
  });
}

/// Returns the content of a key's cell: a column, or the text at a path inside json. Nothing when it is empty or not read.
std::optional<std::string> KeyText(const TargetTable& table, const Image& row, const std::string& name) {
  const auto cell = CellNamed(table, name);
  if (!cell || cell->kind == Cell::Kind::kGroup || !table.Reads(table.IndexOf(cell->column).value())) return std::nullopt;
  const Content content = ReadCell(table, row, *cell);
  if (IsEmpty(content)) return std::nullopt;
  return content->is_string() ? content->get<std::string>() : mappings::ExactText(*content);
}

/// Compares without regard to case, so that a person who only changes the case of an address does not make it another row.
bool Carries(const TargetTable& table, const std::map<std::string, std::string>& key, const Image& row) {
  return std::all_of(key.begin(), key.end(), [&](const auto& part) {
    const auto text = KeyText(table, row, part.first);
    if (!text) return false;
    const auto column = table.IndexOf(part.first);
    const bool is_text = !column || table.At(*column).category == 'S';
    return is_text ? SameLetters(*text, part.second) : *text == part.second;
  });
}

}  // namespace

bool StandsAsWritten(const TargetTable& table, const std::string& name, const Content& written, const Image& row) {
  if (name.starts_with('{') || !written) return false;
  const auto cell = CellNamed(table, name);
  if (!cell) return false;
  const Content current = ReadCell(table, row, *cell);
  if (cell->kind != Cell::Kind::kElements) return !IsEmpty(current) && current == written;
  if (!current || !current->is_array() || !written->is_array()) return false;
  return std::any_of(written->begin(), written->end(),
                     [&](const json& element) { return std::find(current->begin(), current->end(), element) != current->end(); });
}

bool HoldsOurs(const TargetTable& table, const LedgerRow& known, const Image& row) {
  bool holds_reference = false;
  bool wrote_more = false;
  const auto counts = [&](const std::string& name, bool stands) {
    if (!known.keys.empty() || !table.IsReference(name)) {
      wrote_more = true;
      return stands;
    }
    holds_reference = holds_reference || stands;
    return false;
  };
  for (const auto& [name, cell] : known.cells) {
    if (name.starts_with('{') || !cell.written || IsEmpty(cell.written)) continue;
    if (counts(name, StandsAsWritten(table, name, cell.written, row))) return true;
  }
  for (const auto& [name, value] : known.made) {
    const auto column = table.IndexOf(name);
    if (counts(name, column && row[*column] == value)) return true;
  }
  return holds_reference && !wrote_more;
}

bool IsTheKnownRow(const TargetTable& table, const LedgerRow& known, const Image& row) {
  if (!known.IsRemembered()) return true;
  if (!known.keys.empty())
    return std::any_of(known.keys.begin(), known.keys.end(), [&](const auto& key) { return Carries(table, key.second, row); });
  const bool has_cells = std::any_of(known.cells.begin(), known.cells.end(), [](const auto& cell) {
    return !cell.first.starts_with('{') && cell.second.written && !IsEmpty(cell.second.written);
  });
  return (!has_cells && known.made.empty()) || HoldsOurs(table, known, row);
}

bool MayDelete(const TargetTable& table, const LedgerRow& known, const Image& row) {
  if (!known.created || !IsTheKnownRow(table, known, row)) return false;
  return (known.cells.empty() && known.made.empty()) || HoldsOurs(table, known, row);
}

bool LostEverything(const TargetTable& table, const LedgerRow& known, const Image& row) {
  if (!known.created || known.gone) return false;
  const bool wrote = !known.made.empty() || std::any_of(known.cells.begin(), known.cells.end(), [](const auto& cell) {
    return !cell.first.starts_with('{') && cell.second.written && !IsEmpty(cell.second.written);
  });
  return wrote && !HoldsOurs(table, known, row);
}

void RememberKeys(const PlannedRow& planned, const Image& row, LedgerRow& known) {
  const TargetTable& table = *planned.table;
  const auto remember = [&](const std::vector<std::string>& columns) {
    std::map<std::string, std::string> key;
    for (const std::string& name : columns) {
      if (const auto text = KeyText(table, row, name)) key[name] = *text;
    }
    json names = json::array();
    for (const auto& [name, text] : key) names.push_back(name);
    if (key.size() == columns.size()) known.keys[mappings::ExactText(names)] = std::move(key);
  };
  std::vector<std::vector<std::string>> others;
  for (const auto& [name, key] : known.keys) {
    std::vector<std::string>& columns = others.emplace_back();
    for (const auto& [column, text] : key) columns.push_back(column);
  }
  for (const auto& columns : others) remember(columns);
  if (planned.row == nullptr) return;
  for (const mappings::Key& key : planned.row->keys) {
    std::set<std::string> columns;
    for (const mappings::Assignment& part : key.parts) {
      std::string name = part.cell.column;
      for (const std::string& step : part.cell.path) name += "." + step;
      columns.insert(std::move(name));
    }
    remember({columns.begin(), columns.end()});
  }
}

}  // namespace membridge::sync
