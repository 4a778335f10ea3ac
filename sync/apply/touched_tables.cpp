#include "sync/apply/touched_tables.hpp"

#include <algorithm>
#include <deque>
#include <set>
#include <string>

#include "mappings/evaluate.hpp"
#include "mappings/files/value_reader.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {
namespace {

using mappings::Expression;

/// Whether the condition of a row can be evaluated before any row is found: it must not name another row or an element.
bool IsDecidedBySource(const mappings::Row& row, const std::set<std::string>& row_names) {
  if (row.parent || row.each) return false;
  const auto is_known = [&](const Expression& expression) {
    const std::set<std::string> names = expression.Names();
    return std::none_of(names.begin(), names.end(), [&](const std::string& name) { return row_names.contains(name); });
  };
  if (!std::all_of(row.when.begin(), row.when.end(), is_known)) return false;
  bool is_decided = true;
  for (const mappings::Key& key : row.keys) {
    for (const mappings::Assignment& part : key.parts)
      mappings::ForEachExpression(part.value,
                                  [&](const Expression& expression) { is_decided = is_decided && is_known(expression); });
  }
  return is_decided;
}

/// For each row of the plan: whether a source speaks of it now.
std::vector<bool> SpokenOf(const MappingPlan& plan, const std::vector<Source>& sources, Instant now) {
  std::set<std::string> row_names;
  for (const PlannedRow& planned : plan.rows) row_names.insert(planned.row->name);
  std::vector<bool> spoken(plan.rows.size(), false);
  std::deque<Frame> frames;
  for (const Source& source : sources) {
    if (!source.speaks) continue;
    if (std::all_of(spoken.begin(), spoken.end(), [](bool one) { return one; })) break;
    Frame& frame = frames.emplace_back(nullptr);
    SetSourceNames(frame, source, plan.mapping->vars, now);
    if (!mappings::Speaks(*plan.mapping, frame.scope)) continue;
    for (std::size_t i = 0; i < plan.rows.size(); ++i) {
      const mappings::Row& row = *plan.rows[i].row;
      if (spoken[i]) continue;
      if (row.parent) {
        spoken[i] = spoken[*row.parent];  // a parent stands before what is nested below it
      } else {
        spoken[i] = !IsDecidedBySource(row, row_names) || mappings::Intend(row, frame.scope).has_value();
      }
    }
  }
  return spoken;
}

}  // namespace

std::vector<const TargetTable*> TouchedTables(const MappingPlan& plan, postgres::Transaction& transaction,
                                              const std::vector<Source>& sources, Instant now) {
  const std::vector<bool> spoken = SpokenOf(plan, sources, now);
  const bool is_all = std::all_of(spoken.begin(), spoken.end(), [](bool one) { return one; });
  const std::set<std::string> before =
      is_all ? std::set<std::string>{} : Ledger{transaction}.RelationsOf(plan.mapping->name, sources);
  std::vector<const TargetTable*> touched;
  for (std::size_t i = 0; i < plan.rows.size(); ++i) {
    const TargetTable* table = plan.rows[i].table.get();
    if (spoken[i] || before.contains(table->Relation())) touched.push_back(table);
  }
  return touched;
}

}  // namespace membridge::sync
