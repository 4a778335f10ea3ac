#include "sync/feed/change_notes.hpp"

#include "mappings/base/exact_json.hpp"
#include "mappings/base/time.hpp"
#include "mappings/base/uuid7.hpp"
#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

constexpr const char* kWrite = R"sql(
    WITH told AS (
      INSERT INTO membridge.changes (id, project, mapping, relation, key, op, cells)
      SELECT n.id, $1, $2, n.relation, n.key, n.op, n.cells
      FROM ROWS FROM (pg_catalog.unnest($3::pg_catalog.uuid[]), pg_catalog.unnest($4::pg_catalog.text[]),
                      pg_catalog.unnest($5::pg_catalog.jsonb[]), pg_catalog.unnest($6::pg_catalog.text[]),
                      pg_catalog.unnest($7::pg_catalog.jsonb[])) WITH ORDINALITY AS n (id, relation, key, op, cells, place)
      ORDER BY n.place
      RETURNING 1)
    SELECT pg_catalog.pg_notify('membridge_changes', '') WHERE EXISTS (SELECT FROM told))sql";

const char* OpOf(const ChangeNotes::Change& change) {
  if (!change.was) return "insert";
  return change.is ? "update" : "delete";
}

/// The cells as an entry holds them, without those that are as they were.
json CellsJson(const ChangeNotes::Change& change) {
  json cells = json::object();
  for (const auto& [name, cell] : change.cells) {
    if (cell.before == cell.after) continue;
    cells[name] = {
        {"old", cell.before}, {"new", cell.after}, {"memory", cell.memory.empty() ? json(nullptr) : json(cell.memory)}};
  }
  return cells;
}

}  // namespace

void ChangeNotes::Note(const std::string& relation, const json& key_before, Change change) {
  const auto known = by_key_.find({relation, key_before});
  if (known == by_key_.end()) {
    by_key_[{relation, change.key}] = noted_.size();
    noted_.push_back({relation, std::move(change)});
    return;
  }
  const std::size_t place = known->second;
  Change& so_far = noted_[place].change;
  if (change.key != key_before) {
    by_key_.erase(known);
    by_key_[{relation, change.key}] = place;
  }
  so_far.key = std::move(change.key);
  so_far.is = change.is;
  for (auto& [name, cell] : change.cells) {
    const auto [mine, is_first] = so_far.cells.try_emplace(name, cell);
    if (is_first) continue;
    mine->second.after = std::move(cell.after);
    mine->second.memory = std::move(cell.memory);
  }
}

void ChangeNotes::Write(postgres::Transaction& transaction, const std::string& project, const std::string& mapping) {
  const Instant now = SystemClock{}.Now();
  postgres::Column ids, relations, keys, ops, all_cells;
  bool has_any = false;
  for (const auto& [relation, change] : noted_) {
    if (!change.was && !change.is) continue;
    const json cells = CellsJson(change);
    if (change.was && change.is && cells.empty()) continue;
    has_any = true;
    ids.AddText(mappings::Uuid7(now));
    relations.AddText(relation);
    keys.AddText(mappings::ExactText(change.key));
    ops.AddText(OpOf(change));
    all_cells.AddText(mappings::ExactText(cells));
  }
  noted_.clear();
  by_key_.clear();
  if (has_any)
    transaction.Run(kWrite, {project, mapping, ids.Take(), relations.Take(), keys.Take(), ops.Take(), all_cells.Take()});
}

}  // namespace membridge::sync
