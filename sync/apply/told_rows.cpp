#include "sync/apply/told_rows.hpp"

#include <algorithm>
#include <utility>

namespace membridge::sync {
namespace {

using nlohmann::json;

json KeyOf(const TargetTable& table, const Image& row) {
  json key = json::object();
  for (const std::size_t column : table.IdentityColumns()) key[table.At(column).name] = table.AsJson(column, row[column]);
  return key;
}

/// What an event is about; of memories and exports the id.
const std::string& MemoryIn(const Source& source) {
  return source.memory.empty() ? source.id : source.memory;
}

}  // namespace

std::string ToldRows::MemoryOf(const std::set<std::size_t>& sources) const {
  return sources.empty() ? "" : MemoryIn(sources_[*sources.begin()]);
}

std::string ToldRows::MemoryOf(const std::string& source) const {
  const auto found = std::find_if(sources_.begin(), sources_.end(), [&](const Source& one) { return one.id == source; });
  return found == sources_.end() ? source : MemoryIn(*found);
}

void ToldRows::Inserted(const TargetTable& table, const Image& row, const std::set<std::size_t>& sources) {
  if (!tells_) return;
  ChangeNotes::Change change{KeyOf(table, row), false, true};
  const std::string memory = MemoryOf(sources);
  for (std::size_t c = 0; c < row.size(); ++c) {
    if (row[c]) change.cells[table.At(c).name] = {nullptr, table.AsJson(c, row[c]), memory};
  }
  const json key = change.key;
  notes_.Note(table.Relation(), key, std::move(change));
}

void ToldRows::Updated(const TargetTable& table, const Image& before, const Image& after,
                       const std::function<std::string(const std::string& column)>& speaker) {
  if (!tells_) return;
  ChangeNotes::Change change{KeyOf(table, after), true, true};
  for (std::size_t c = 0; c < after.size(); ++c) {
    if (before[c] == after[c]) continue;
    const std::string& name = table.At(c).name;
    change.cells[name] = {table.AsJson(c, before[c]), table.AsJson(c, after[c]), MemoryOf(speaker(name))};
  }
  notes_.Note(table.Relation(), KeyOf(table, before), std::move(change));
}

void ToldRows::Updated(const TargetTable& table, const Image& before, const Image& after, const std::set<std::size_t>& sources) {
  const std::string memory = MemoryOf(sources);
  Updated(table, before, after, [&](const std::string&) { return memory; });
}

void ToldRows::Deleted(const TargetTable& table, const json& was, const std::set<std::size_t>& sources) {
  if (!tells_) return;
  ChangeNotes::Change change{json::object(), true, false};
  for (const std::size_t column : table.IdentityColumns()) change.key[table.At(column).name] = was.at(table.At(column).name);
  const std::string memory = MemoryOf(sources);
  for (const auto& [name, value] : was.items()) {
    if (!value.is_null()) change.cells[name] = {value, nullptr, memory};
  }
  const json key = change.key;
  notes_.Note(table.Relation(), key, std::move(change));
}

void ToldRows::Gone(const TargetTable& table, const json& identity) {
  if (!tells_) return;
  ChangeNotes::Change change{json::object(), true, false};
  for (const auto& [column, text] : identity.items()) {
    const auto place = table.IndexOf(column);
    change.key[column] = place && text.is_string() ? table.AsJson(*place, text.get<std::string>()) : text;
  }
  const json key = change.key;
  notes_.Note(table.Relation(), key, std::move(change));
}

void ToldRows::Write(postgres::Transaction& transaction, const std::string& mapping) {
  if (tells_ && !sources_.empty()) notes_.Write(transaction, sources_.front().project.Text(), mapping);
}

}  // namespace membridge::sync
