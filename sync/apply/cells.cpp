#include "sync/apply/cells.hpp"

#include <algorithm>

#include "mappings/base/exact_json.hpp"
#include "mappings/files/cell_reader.hpp"
#include "mappings/language/functions.hpp"
#include "sync/apply/refusal.hpp"

namespace membridge::sync {
namespace {

using mappings::Cell;
using nlohmann::json;

/// The JSON at a path; nothing when the path does not exist.
Content ContentAt(const json& document, const JsonPath& path) {
  const json* at = At(document, path);
  return at == nullptr ? Content{} : Content{*at};
}

json Document(const std::optional<std::string>& text) {
  return text ? mappings::ParseExact(*text) : json(nullptr);
}

/// The elements of a text such as `a;b` or `,a,b,`; nothing stands between two delimiters that touch.
Content SplitElements(const std::optional<std::string>& text, const std::string& delimiter) {
  if (!text) return json(nullptr);
  json elements = json::array();
  std::string_view rest = *text;
  while (true) {
    const std::size_t end = rest.find(delimiter);
    if (const std::string_view element = rest.substr(0, end); !element.empty()) elements.push_back(element);
    if (end == std::string_view::npos) return elements;
    rest.remove_prefix(end + delimiter.size());
  }
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
  auto cell = mappings::CellNamed(name);
  if (!cell) return std::nullopt;
  for (const std::string& column : mappings::ColumnsOf(*cell)) {
    if (!table.IndexOf(column)) return std::nullopt;
  }
  return cell;
}

std::string JoinedElements(const Cell& cell, const json& elements) {
  std::string joined;
  for (const json& element : elements) {
    const std::string text = mappings::TextOf(element).value_or(mappings::ExactText(element));
    if (text.find(cell.delimiter) != std::string::npos) {
      throw Refusal(ErrorCode::kRowRejected,
                    "an element for " + cell.name + " holds \"" + cell.delimiter + "\", which stands between elements there",
                    "change the element in the mapping, as in `| replace('" + cell.delimiter + "', ' ')`");
    }
    if (text.empty()) continue;
    if (!joined.empty() || cell.enclosed) joined += cell.delimiter;
    joined += text;
  }
  return cell.enclosed && !joined.empty() ? joined + cell.delimiter : joined;
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
  if (!cell.delimiter.empty()) return SplitElements(text, cell.delimiter);
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
  if (!cell.delimiter.empty()) return SplitElements(value, cell.delimiter);
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
  if (!cell.delimiter.empty() && value.is_array()) return AddColumn(change, column, JoinedElements(cell, value));
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
  // An empty list claims nothing, as for a row that exists already.
  if (elements && value.empty() && (!cell.path.empty() || column.MayBeLeftOut())) return;
  if (!cell.delimiter.empty()) {
    json all = SplitElements(column.default_value, cell.delimiter).value_or(json::array());
    if (!all.is_array()) all = json::array();
    for (const json& element : elements ? value : json::array()) {
      if (std::find(all.begin(), all.end(), element) == all.end()) all.push_back(element);
    }
    row[cell.column] = JoinedElements(cell, all);
    return;
  }
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
