#include "sync/apply/cells.hpp"

#include <algorithm>

#include "mappings/base/exact_json.hpp"

namespace membridge::sync {
namespace {

using mappings::Cell;
using nlohmann::json;

/// The JSON at a path; nothing when it leads nowhere.
Content ContentAt(const json& document, const JsonPath& path) {
  const json* at = At(document, path);
  return at == nullptr ? Content{} : Content{*at};
}

json Document(const std::optional<std::string>& text) {
  return text ? mappings::ParseExact(*text) : json(nullptr);
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::string Trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// Adds an edit to the edits of its column, which stay in ascending order of column.
void AddPath(RowChange& change, std::size_t column, PathEdit edit) {
  for (auto& [at, edits] : change.paths) {
    if (at == column) {
      edits.push_back(std::move(edit));
      return;
    }
  }
  change.paths.emplace_back(column, std::vector<PathEdit>{std::move(edit)});
  std::sort(change.paths.begin(), change.paths.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

void AddColumn(RowChange& change, std::size_t column, json value) {
  for (auto& [at, present] : change.columns) {
    if (at == column) {
      present = std::move(value);
      return;
    }
  }
  change.columns.emplace_back(column, std::move(value));
  std::sort(change.columns.begin(), change.columns.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

}  // namespace

std::optional<Cell> CellNamed(const TargetTable& table, const std::string& name) {
  Cell cell;
  cell.name = name;
  if (name.size() > 1 && name.front() == '(') {
    cell.kind = Cell::Kind::kGroup;
    for (const std::string& part : Split(name.substr(1, name.size() - 2), ',')) {
      auto member = CellNamed(table, Trimmed(part));
      if (!member) return std::nullopt;
      cell.members.push_back(std::move(*member));
    }
    return cell;
  }
  std::string rest = name;
  if (rest.size() > 2 && rest.ends_with("[]")) {
    cell.kind = Cell::Kind::kElements;
    rest.resize(rest.size() - 2);
  }
  if (!table.IndexOf(rest)) {
    std::vector<std::string> steps = Split(rest, '.');
    rest = steps.front();
    cell.path.assign(steps.begin() + 1, steps.end());
    if (cell.kind == Cell::Kind::kColumn) cell.kind = Cell::Kind::kPath;
  }
  cell.column = rest;
  if (!table.IndexOf(rest)) return std::nullopt;
  return cell;
}

Content ReadCell(const TargetTable& table, const Image& image, const Cell& cell) {
  if (cell.kind == Cell::Kind::kGroup) {
    json members = json::array();
    for (const Cell& member : cell.members) {
      const Content content = ReadCell(table, image, member);
      members.push_back(content ? json::array({*content}) : json::array());
    }
    return members;
  }
  const std::optional<std::string>& text = image[table.IndexOf(cell.column).value()];
  if (cell.kind == Cell::Kind::kColumn || cell.kind == Cell::Kind::kLowered) return text ? json(*text) : json(nullptr);
  if (cell.path.empty()) return Document(text);
  return ContentAt(Document(text), cell.path);
}

Content DefaultOf(const TargetTable& table, const Cell& cell) {
  if (cell.kind == Cell::Kind::kGroup) {
    json members = json::array();
    for (const Cell& member : cell.members) {
      const Content content = DefaultOf(table, member);
      members.push_back(content ? json::array({*content}) : json::array());
    }
    return members;
  }
  const auto& value = table.At(table.IndexOf(cell.column).value()).default_value;
  if (cell.kind == Cell::Kind::kColumn || cell.kind == Cell::Kind::kLowered) return value ? json(*value) : json(nullptr);
  if (cell.kind == Cell::Kind::kElements && cell.path.empty()) return Document(value);
  return value ? ContentAt(Document(value), cell.path) : std::nullopt;
}

bool IsNotNull(const TargetTable& table, const Cell& cell) {
  if (cell.kind == Cell::Kind::kGroup)
    return std::any_of(cell.members.begin(), cell.members.end(), [&](const Cell& member) { return IsNotNull(table, member); });
  return cell.path.empty() && table.At(table.IndexOf(cell.column).value()).not_null;
}

bool IsReachable(const TargetTable& table, const Image& image, const Cell& cell) {
  if (cell.kind == Cell::Kind::kGroup)
    return std::all_of(cell.members.begin(), cell.members.end(),
                       [&](const Cell& member) { return IsReachable(table, image, member); });
  if (cell.path.empty()) return true;
  const json document = Document(image[table.IndexOf(cell.column).value()]);
  const json* at = &document;
  for (const std::string& step : cell.path) {
    if (at->is_null()) return true;
    if (!at->is_object()) return false;
    const auto found = at->find(step);
    if (found == at->end()) return true;
    at = &*found;
  }
  return true;
}

bool Covers(const Cell& cell, const std::string& column) {
  if (cell.kind == Cell::Kind::kGroup)
    return std::any_of(cell.members.begin(), cell.members.end(), [&](const Cell& member) { return Covers(member, column); });
  return cell.path.empty() && cell.column == column;
}

bool Overlaps(const Cell& one, const Cell& other) {
  const auto with = [](const Cell& part) { return [&](const Cell& member) { return Overlaps(member, part); }; };
  if (one.kind == Cell::Kind::kGroup) return std::any_of(one.members.begin(), one.members.end(), with(other));
  if (other.kind == Cell::Kind::kGroup) return std::any_of(other.members.begin(), other.members.end(), with(one));
  const std::size_t common = std::min(one.path.size(), other.path.size());
  return one.column == other.column &&
         std::equal(one.path.begin(), one.path.begin() + static_cast<std::ptrdiff_t>(common), other.path.begin());
}

void WriteCell(const TargetTable& table, const Cell& cell, const Content& content, RowChange& change) {
  if (cell.kind == Cell::Kind::kGroup) {
    for (std::size_t i = 0; i < cell.members.size(); ++i) {
      const json& member = content->at(i);
      WriteCell(table, cell.members[i], member.empty() ? Content{} : Content{member[0]}, change);
    }
    return;
  }
  const std::size_t column = table.IndexOf(cell.column).value();
  if (!cell.path.empty()) {
    AddPath(change, column, {cell.path, content});
    return;
  }
  json value = content.value_or(nullptr);
  // A whole json column is held as its text; the statement takes it as json.
  if (table.At(column).IsJson() && value.is_string() && cell.kind == Cell::Kind::kColumn)
    value = mappings::ParseExact(value.get<std::string>());
  if (table.At(column).IsArray() && value.is_string()) value = mappings::ParseExact(value.get<std::string>());
  AddColumn(change, column, std::move(value));
}

void PutCell(const TargetTable& table, const Cell& cell, const json& value, json& row) {
  if (cell.kind == Cell::Kind::kGroup) {
    for (std::size_t i = 0; i < cell.members.size(); ++i) PutCell(table, cell.members[i], value.at(i), row);
    return;
  }
  const mappings::Column& column = table.At(table.IndexOf(cell.column).value());
  const bool elements = cell.kind == Cell::Kind::kElements && value.is_array();
  // No elements say nothing, just as they would of a row that is there already.
  if (elements && value.empty() && (!cell.path.empty() || column.MayBeLeftOut())) return;
  json* at = &row[cell.column];
  if (at->is_null() && column.default_value && (elements || !cell.path.empty())) *at = Document(column.default_value);
  at = &PlaceAt(*at, cell.path);
  if (!elements) {
    *at = value;
    return;
  }
  // Elements are a set, and what the column starts with stays.
  if (!at->is_array()) *at = json::array();
  for (const json& element : value) {
    if (std::find(at->begin(), at->end(), element) == at->end()) at->push_back(element);
  }
}

}  // namespace membridge::sync
