#include "admin/shown/mem0_answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "admin/shown/console.hpp"
#include "admin/shown/table.hpp"
#include "mappings/base/exact_json.hpp"
#include "sync/mem0/complaint.hpp"

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;
using sync::mem0::ApiOperation;
using sync::mem0::OneLine;

constexpr std::size_t kWidestCell = 60;
constexpr std::size_t kLongestValue = 4000;
constexpr std::size_t kMostColumns = 6;

/// The columns of a list, by noun or by noun and verb. Where none is named, the first scalar members of the first object are
/// taken.
std::vector<std::string> ColumnsFor(const ApiOperation& operation) {
  const std::string name = fmt::format("{} {}", operation.noun, operation.verb);
  if (name == "memory history" || name == "event memory-events")
    return {"created_at", "event", "memory_id", "old_memory", "new_memory"};
  if (operation.noun == "memory" || name == "entity memories") return {"id", "user_id", "memory", "categories", "updated_at"};
  if (operation.noun == "entity") return {"type", "name", "total_memories", "updated_at"};
  if (operation.noun == "event") return {"id", "event_type", "status", "created_at", "latency"};
  if (operation.verb == "members list") return {"username", "email", "role"};
  if (operation.noun == "project") return {"project_id", "name", "description", "is_default"};
  if (operation.noun == "organization") return {"org_id", "name", "is_default"};
  return {};
}

std::string ValueText(const ordered_json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  const bool is_list_of_texts =
      value.is_array() && std::all_of(value.begin(), value.end(), [](const ordered_json& each) { return each.is_string(); });
  if (!is_list_of_texts) return mappings::ExactText(value);
  std::string text;
  for (const ordered_json& each : value) text += (text.empty() ? "" : ", ") + each.get<std::string>();
  return text;
}

/// Whom an object belongs to, when it is not a user.
std::string OtherOwner(const ordered_json& object) {
  for (const char* owner : {"agent_id", "app_id", "run_id", "session_id"}) {
    if (object.contains(owner) && object[owner].is_string()) return fmt::format("{} {}", owner, object[owner].get<std::string>());
  }
  return "-";
}

std::string CellText(const ordered_json& object, const std::string& column, Instant now) {
  const ordered_json value = object.contains(column) ? object[column] : ordered_json();
  if (column == "user_id" && value.is_null()) return OneLine(OtherOwner(object), kWidestCell);
  if (column.ends_with("_at") && value.is_string()) {
    if (const auto time = ParseRfc3339(value.get<std::string>())) return AgeOf(*time, now);
  }
  return OneLine(ValueText(value), kWidestCell);
}

std::vector<std::string> FirstScalars(const ordered_json& object) {
  std::vector<std::string> columns;
  for (const auto& [key, value] : object.items()) {
    if (!value.is_structured() && columns.size() < kMostColumns) columns.push_back(key);
  }
  return columns;
}

std::string ListText(const ApiOperation& operation, const ordered_json& list, Instant now, bool coloured) {
  if (list.empty()) return "nothing\n";
  if (!list.front().is_object()) {
    std::string text;
    for (const ordered_json& each : list) text += OneLine(ValueText(each), kLongestValue) + "\n";
    return text;
  }
  std::vector<std::string> columns = ColumnsFor(operation);
  if (columns.empty()) columns = FirstScalars(list.front());
  TextTable table{columns};
  for (const ordered_json& object : list) {
    std::vector<std::string> cells;
    for (const std::string& column : columns) cells.push_back(CellText(object, column, now));
    table.Add(std::move(cells));
  }
  return table.Text(coloured);
}

std::string ObjectText(const ordered_json& object) {
  std::size_t widest = 0;
  for (const auto& [key, ignored] : object.items()) widest = std::max(widest, key.size());
  std::string text;
  for (const auto& [key, value] : object.items())
    text += fmt::format("{:<{}}  {}\n", OneLine(key, kWidestCell), widest, OneLine(ValueText(value), kLongestValue));
  return text;
}

}  // namespace

std::string Mem0AnswerText(const ApiOperation& operation, const ordered_json& answer, Instant now, bool coloured) {
  if (answer.is_array()) return ListText(operation, answer, now, coloured);
  if (!answer.is_object()) return OneLine(ValueText(answer), kLongestValue) + "\n";
  const bool is_page =
      answer.contains("results") && answer["results"].is_array() && !answer.contains("event_id") && !answer.contains("status");
  if (is_page) {
    std::string text = ListText(operation, answer["results"], now, coloured);
    if (!answer.contains("count") || !answer["count"].is_number_unsigned()) return text;
    const auto count = answer["count"].get<std::size_t>();
    if (count > answer["results"].size()) text += fmt::format("{} of {}; --page shows others\n", answer["results"].size(), count);
    return text;
  }
  if (operation.verb == "members list" && answer.contains("members") && answer["members"].is_array())
    return ListText(operation, answer["members"], now, coloured);
  return ObjectText(answer);
}

}  // namespace membridge::admin
