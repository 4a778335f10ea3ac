#include "sync/apply/row_remover.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "sync/apply/refusal.hpp"
#include "sync/apply/table_reader.hpp"
#include "sync/apply/table_writer.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

constexpr std::string_view kForeignKeyViolation = "23503";

}  // namespace

void RowRemover::Doom(const PlannedRow& planned, const Work& work) {
  doomed_.push_back({planned.table.get(), work.ledger, planned.NowColumn(), planned.ChangedColumn(), work.sources,
                     planned.table->AsJson(work.image)});
  context_.report.Note(work.sources, {Decision::Kind::kDeleted, planned.Name(), planned.table->Relation(), work.ledger.identity,
                                      "", nullptr, nullptr, "no memory says it any more", planned.Line()});
}

/// Removes rows in reverse order, so that rows that refer to them are removed first. After an edit of the mapping its order may
/// differ from the order in which rows were made. Rows that are still referred to then wait for the others.
void RowRemover::RemoveAll() {
  std::vector<std::vector<Doomed*>> groups;
  for (auto doomed = doomed_.rbegin(); doomed != doomed_.rend(); ++doomed) {
    if (groups.empty() || groups.back().front()->table != doomed->table) groups.emplace_back();
    groups.back().push_back(&*doomed);
  }
  while (!groups.empty()) {
    std::vector<std::vector<Doomed*>> waiting;
    for (const auto& group : groups) {
      if (!Remove(group, waiting.size() + 1 < groups.size())) waiting.push_back(group);
    }
    groups = std::move(waiting);
  }
}

/// Returns false when something still refers to the rows and they may wait.
bool RowRemover::Remove(const std::vector<Doomed*>& group, bool may_wait) {
  const TargetTable& table = *group.front()->table;
  if (table.HasLiveColumn()) {
    MarkDead(table, group);
    return true;
  }
  context_.transaction.Savepoint("delete_rows");
  try {
    DeleteRows(table, group);
  } catch (const postgres::SqlFailure& failure) {
    if (!may_wait || failure.fields().sqlstate != kForeignKeyViolation) throw;
    context_.transaction.RollbackTo("delete_rows");
    context_.transaction.Release("delete_rows");
    return false;
  }
  context_.transaction.Release("delete_rows");
  return true;
}

void RowRemover::DeleteRows(const TargetTable& table, const std::vector<Doomed*>& group) {
  std::vector<json> identities;
  std::vector<std::int64_t> ids;
  for (const Doomed* one : group) {
    identities.push_back(one->row.identity);
    ids.push_back(one->row.id);
  }
  TableWriter{table, context_.transaction}.Delete(identities);
  for (const Doomed* one : group) {
    context_.report.Touch(one->sources, table, one->row.identity, one->was);
    context_.told.Deleted(table, one->was, one->sources);
  }
  context_.ledger.Forget(ids);
}

void RowRemover::MarkDead(const TargetTable& table, const std::vector<Doomed*>& group) {
  std::vector<json> identities;
  for (const Doomed* one : group) identities.push_back(one->row.identity);
  const auto images = TableReader{table, context_.transaction}.Fetch(TableReader::Lock::kWrite, identities);
  std::vector<RowChange> changes;
  std::vector<const Image*> before;
  std::vector<Doomed*> marked;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (!images[i] || !table.IsLive(*images[i])) continue;
    RowChange change;
    change.identity = identities[i];
    change.columns.emplace_back(table.LiveColumn(), table.DeadMark(context_.now));
    if (group[i]->now_column && *group[i]->now_column != table.LiveColumn())
      change.columns.emplace_back(*group[i]->now_column, table.TimeFor(*group[i]->now_column, context_.now));
    std::sort(change.columns.begin(), change.columns.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    changes.push_back(std::move(change));
    before.push_back(&*images[i]);
    marked.push_back(group[i]);
  }
  const auto after = TableWriter{table, context_.transaction}.Update(changes, before);
  std::vector<const LedgerRow*> rows;
  for (std::size_t i = 0; i < marked.size(); ++i) {
    Doomed& one = *marked[i];
    one.row.gone = true;
    if (!after[i]) throw Swallowed("an UPDATE", table.Relation());
    if (one.changed_column) one.row.ours = (*after[i])[*one.changed_column];
    context_.report.Touch(one.sources, table, one.row.identity);
    context_.told.Updated(table, *before[i], *after[i], one.sources);
    rows.push_back(&one.row);
  }
  context_.ledger.Save(rows);
}

}  // namespace membridge::sync
