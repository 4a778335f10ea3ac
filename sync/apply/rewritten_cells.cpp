#include "sync/apply/rewritten_cells.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mappings/base/exact_json.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

/// Replaces a text that the new type refuses. No cell's content is such an object.
json RefusedText() {
  return json{{"membridge_refused", true}};
}

bool IsRefusedText(const json& content) {
  return content == RefusedText();
}

/// The columns of a group, `(street, zip)`.
std::vector<std::string> MembersOf(const std::string& group) {
  std::vector<std::string> members{""};
  for (std::size_t i = 1; i + 1 < group.size(); ++i) {
    if (group[i] == ',') {
      members.emplace_back();
      while (i + 1 < group.size() && group[i + 1] == ' ') ++i;
    } else {
      members.back() += group[i];
    }
  }
  return members;
}

bool IsArrayType(const std::string& type) {
  const auto dot = type.rfind('.');
  return type.find("._") != std::string::npos || (dot != std::string::npos && type.compare(dot, 3, ".\"_") == 0);
}

}  // namespace

/// The cell's name now; nothing when its column is gone.
std::optional<std::string> RewrittenCells::NameOf(const std::string& cell) const {
  if (cell.size() > 2 && cell.front() == '{') {
    const auto inner = NameOf(cell.substr(1, cell.size() - 2));
    return inner ? std::optional{"{" + *inner + "}"} : std::nullopt;
  }
  if (cell.size() > 2 && cell.front() == '(') {
    std::string group;
    for (const std::string& member : MembersOf(cell)) {
      const auto name = NameOf(member);
      if (!name) return std::nullopt;
      group += (group.empty() ? "(" : ", ") + *name;
    }
    return group + ")";
  }
  const auto stands_for = [&](const std::string& column) {
    if (!cell.starts_with(column)) return false;
    const std::string rest = cell.substr(column.size());
    return rest.empty() || rest.front() == '.' || rest == "[]";
  };
  // Takes the longest matching name, because a column's name may be `a.b`.
  const std::string* best = nullptr;
  std::optional<std::string> now;
  const auto consider = [&](const std::string& column, const std::optional<std::string>& to) {
    if (!stands_for(column) || (best != nullptr && best->size() >= column.size())) return;
    best = &column;
    now = to ? std::optional{*to + cell.substr(column.size())} : std::nullopt;
  };
  for (const auto& [from, to] : changes_.renamed) consider(from, to);
  for (const std::string& column : changes_.dropped) consider(column, std::nullopt);
  return best == nullptr ? cell : now;
}

json RewrittenCells::RenamedCells(const json& cells) const {
  json renamed = json::object();
  for (const auto& [name, entry] : cells.items()) {
    if (const auto now = NameOf(name)) renamed[*now] = entry;
  }
  return renamed;
}

json RewrittenCells::RenamedClaims(const json& cells) const {
  json renamed = json::object();
  for (const auto& [name, claim] : cells.items()) {
    if (!NameOf(name)) renamed[name] = claim;
  }
  renamed.update(RenamedCells(cells));
  return renamed;
}

json RewrittenCells::RenamedColumns(const json& columns) const {
  json renamed = json::object();
  for (const auto& [name, text] : columns.items()) {
    if (changes_.dropped.contains(name)) continue;
    const auto now = changes_.renamed.find(name);
    renamed[now == changes_.renamed.end() ? name : now->second] = text;
  }
  return renamed;
}

json RewrittenCells::RenamedKeys(const json& keys) const {
  json renamed = json::object();
  for (const auto& [name, columns] : keys.items()) {
    json now = RenamedColumns(columns);
    if (now.size() != columns.size()) continue;
    json names = json::array();
    for (const auto& [column, text] : now.items()) names.push_back(column);
    renamed[mappings::ExactText(names)] = std::move(now);
  }
  return renamed;
}

void RewrittenCells::Reread(json& cells) {
  if (changes_.retyped.empty()) return;
  for (auto& [name, entry] : cells.items()) {
    for (const char* part : {"b", "w", "c", "v"}) {
      if (entry.contains(part)) RereadContent(name, entry[part]);
    }
  }
}

void RewrittenCells::RereadContent(const std::string& cell, json& content) {
  if (cell.starts_with('(') && content.is_array()) {
    const auto members = MembersOf(cell);
    for (std::size_t i = 0; i < std::min(members.size(), content.size()); ++i) {
      if (content[i].is_array() && content[i].size() == 1) RereadText(members[i], content[i][0]);
    }
    return;
  }
  RereadText(cell, content);
}

void RewrittenCells::RereadColumns(json& columns) {
  if (changes_.retyped.empty()) return;
  for (auto& [name, text] : columns.items()) RereadText(name, text);
}

void RewrittenCells::RereadText(const std::string& column, json& text) {
  const auto change = changes_.retyped.find(column);
  if (change == changes_.retyped.end() || !text.is_string()) return;
  // Arrays are remembered as JSON, whatever their elements' type.
  if (IsArrayType(change->second.first) && IsArrayType(change->second.second)) return;
  texts_[column].push_back(&text);
}

bool RewrittenCells::Converts(const std::string& from, const std::string& to) {
  transaction_.Savepoint("reread");
  bool converts = true;
  try {
    transaction_.Run("SELECT (NULL::" + from + ")::" + to);
  } catch (const postgres::SqlFailure& failure) {
    if (failure.IsTransient()) throw;
    transaction_.RollbackTo("reread");
    converts = false;
  }
  transaction_.Release("reread");
  return converts;
}

void RewrittenCells::Finish() {
  for (const auto& [column, texts] : texts_) {
    const auto& [before, now] = changes_.retyped.at(column);
    // Converts through the old type, as ALTER TABLE does, because a real 0.1 is not a double 0.1. The old type itself may be
    // gone.
    Way way{.through_old = Converts(before, now)};
    // An explicit conversion may cut a text or round a number. Then converting back gives another value.
    way.looks_back = of_ == Of::kClaims && way.through_old && Converts(now, before);
    for (std::size_t first = 0; first < texts.size(); first += 1000)
      Read(column, first, std::min(texts.size(), first + 1000), way);
  }
}

void RewrittenCells::Read(const std::string& column, std::size_t first, std::size_t last, Way way) {
  const auto& [before, now] = changes_.retyped.at(column);
  auto& texts = texts_.at(column);
  json values = json::array();
  for (std::size_t i = first; i < last; ++i) values.push_back({{"n", i}, {"v", *texts[i]}});
  const std::string value = way.through_old ? "(r.v::" + before + ")::" + now : "r.v::" + now;
  const std::string shown = IsArrayType(now) ? "pg_catalog.to_jsonb(" + value + ")::text" : "(" + value + ")::text";
  const std::string is_whole =
      way.looks_back ? "((" + value + ")::" + before + ")::text OPERATOR(pg_catalog.=) (r.v::" + before + ")::text" : "true";
  transaction_.Savepoint("reread");
  try {
    const postgres::Rows rows = transaction_.Run(
        "SELECT r.n, " + shown + ", " + is_whole + " FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r(n integer, v text)",
        {mappings::ExactText(values)});
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const auto text = rows.Optional(row, 1);
      const auto place = static_cast<std::size_t>(rows.Int(row, 0));
      if (of_ == Of::kClaims && (!text || rows.IsNull(row, 2) || !rows.Bool(row, 2))) continue;
      *texts[place] = text ? json(*text) : RefusedText();
    }
    transaction_.Release("reread");
    return;
  } catch (const postgres::SqlFailure& failure) {
    if (failure.IsTransient()) throw;
    transaction_.RollbackTo("reread");
    transaction_.Release("reread");
  }
  if (last - first > 1) {
    const std::size_t middle = first + (last - first) / 2;
    Read(column, first, middle, way);
    Read(column, middle, last, way);
  } else if (way.through_old) {
    Read(column, first, last, {});
  } else if (of_ == Of::kColumns) {
    *texts[first] = RefusedText();
  }
}

bool RewrittenCells::IsRefused(const json& entry) const {
  if (!entry.is_object()) return false;
  for (const char* part : {"b", "w"}) {
    const auto found = entry.find(part);
    if (found == entry.end()) continue;
    if (IsRefusedText(*found)) return true;
    for (const json& member : found->is_array() ? *found : json::array()) {
      if (member.is_array() && member.size() == 1 && IsRefusedText(member[0])) return true;
    }
  }
  return false;
}

bool RewrittenCells::ForgetRefusedColumns(json& columns) const {
  std::vector<std::string> refused;
  for (const auto& [name, text] : columns.items()) {
    if (IsRefusedText(text)) refused.push_back(name);
  }
  for (const std::string& name : refused) columns.erase(name);
  return !refused.empty();
}

void RewrittenCells::ForgetRefusedClaims(json& cells) const {
  for (auto& [name, entry] : cells.items()) {
    if (entry.contains("c") && IsRefused(json{{"w", entry["c"]}})) entry.erase("c");
  }
}

void RewrittenCells::ForgetRefused(json& cells) const {
  std::vector<std::string> refused;
  for (auto& [name, entry] : cells.items()) {
    bool is_refused = IsRefused(entry);
    for (const char* part : {"c", "v"}) {
      if (!entry.contains(part)) continue;
      is_refused = is_refused || IsRefused(json{{"w", entry[part]}});
    }
    if (is_refused) refused.push_back(name);
  }
  for (const std::string& name : refused) cells.erase(name);
}

}  // namespace membridge::sync
