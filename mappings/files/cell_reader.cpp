#include "mappings/files/cell_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mappings/base/utf8.hpp"

namespace membridge::mappings {
namespace {

std::vector<std::string> SplitAt(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t found = text.find(separator);
    parts.emplace_back(Trimmed(text.substr(0, found)));
    if (found == std::string_view::npos) return parts;
    text.remove_prefix(found + 1);
  }
}

/// A column or a path into one; nothing when a part is empty or holds what no name may.
std::optional<Cell> ColumnOrPath(std::string_view text) {
  Cell cell;
  cell.name = std::string{text};
  std::vector<std::string> parts = SplitAt(text, '.');
  for (const std::string& part : parts) {
    if (part.empty() || part.find_first_of("()[]$\"'") != std::string::npos) return std::nullopt;
  }
  cell.column = parts.front();
  cell.path.assign(parts.begin() + 1, parts.end());
  cell.kind = cell.path.empty() ? Cell::Kind::kColumn : Cell::Kind::kPath;
  return cell;
}

std::optional<Cell> Group(std::string_view inside) {
  Cell cell;
  cell.kind = Cell::Kind::kGroup;
  std::string names;
  for (const std::string& part : SplitAt(inside, ',')) {
    auto member = ColumnOrPath(part);
    if (!member) return std::nullopt;
    names += names.empty() ? member->name : ", " + member->name;
    cell.members.push_back(std::move(*member));
  }
  cell.name = "(" + names + ")";
  return cell;
}

std::optional<Cell> Parsed(std::string_view text) {
  constexpr std::string_view kLower = "lower(";
  if (text.size() > 2 && text.front() == '(' && text.back() == ')') return Group(text.substr(1, text.size() - 2));
  if (text.substr(0, kLower.size()) == kLower && text.back() == ')') {
    auto cell = ColumnOrPath(Trimmed(text.substr(kLower.size(), text.size() - kLower.size() - 1)));
    if (!cell || cell->kind != Cell::Kind::kColumn) return std::nullopt;
    cell->kind = Cell::Kind::kLowered;
    cell->name = "lower(" + cell->column + ")";
    return cell;
  }
  if (text.size() > 2 && text.substr(text.size() - 2) == "[]") {
    auto cell = ColumnOrPath(text.substr(0, text.size() - 2));
    if (!cell) return std::nullopt;
    cell->kind = Cell::Kind::kElements;
    cell->name = std::string{text};
    return cell;
  }
  return ColumnOrPath(text);
}

bool StartsWith(const std::vector<std::string>& path, const std::vector<std::string>& start) {
  return path.size() >= start.size() && std::equal(start.begin(), start.end(), path.begin());
}

}  // namespace

std::optional<Cell> ReadCell(const YamlNode& key, Diagnostics& problems) {
  auto cell = Parsed(Trimmed(key.text));
  if (!cell) {
    problems.Error(
        key.place,
        fmt::format("\"{}\" is no cell; write column, column.path, column[], (one, two), or in a key lower(column)", key.text));
    return std::nullopt;
  }
  for (std::size_t i = 0; i < cell->members.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!Overlap(cell->members[i], cell->members[j])) continue;
      problems.Error(key.place, fmt::format("{} stands twice in the group", cell->members[i].name));
      return std::nullopt;
    }
  }
  return cell;
}

std::vector<std::string> ColumnsOf(const Cell& cell) {
  if (cell.kind != Cell::Kind::kGroup) return {cell.column};
  std::vector<std::string> columns;
  for (const Cell& member : cell.members) columns.push_back(member.column);
  return columns;
}

bool Overlap(const Cell& a, const Cell& b) {
  if (a.kind == Cell::Kind::kGroup) {
    return std::any_of(a.members.begin(), a.members.end(), [&](const Cell& member) { return Overlap(member, b); });
  }
  if (b.kind == Cell::Kind::kGroup) return Overlap(b, a);
  return a.column == b.column && (StartsWith(a.path, b.path) || StartsWith(b.path, a.path));
}

}  // namespace membridge::mappings
