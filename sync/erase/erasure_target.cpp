#include "sync/erase/erasure_target.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "mappings/base/exact_json.hpp"
#include "mappings/base/log.hpp"
#include "mappings/base/table_name.hpp"
#include "sync/apply/applier.hpp"
#include "sync/apply/told_rows.hpp"
#include "sync/erase/erased_cells.hpp"
#include "sync/erase/erased_changes.hpp"
#include "sync/erase/erased_rows.hpp"
#include "sync/erase/erased_versions.hpp"

namespace membridge::sync {
namespace {

using postgres::ArrayOf;
using postgres::Param;
using postgres::Rows;
using postgres::Transaction;

std::vector<std::string> FirstColumn(const Rows& rows) {
  std::vector<std::string> texts;
  for (std::size_t row = 0; row < rows.size(); ++row) texts.emplace_back(rows.Text(row, 0));
  return texts;
}

Param TextArray(const std::vector<std::string>& texts) {
  return ArrayOf({texts.begin(), texts.end()});
}

/// Returns the mapping of that name with its session but without rows. All its contributions are then orphans, and are withdrawn
/// without a soft delete and without leaving a version. The mapping need not be in force any more.
std::shared_ptr<const mappings::Mapping> Emptied(const ErasureTarget& target, const std::string& name) {
  auto emptied = std::make_shared<mappings::Mapping>();
  for (const auto& mapping : target.mappings) {
    if (mapping->name == name) *emptied = *mapping;
  }
  emptied->name = name;
  emptied->from = mappings::Mapping::From::kMemory;
  emptied->rows.clear();
  emptied->tests.clear();
  return emptied;
}

constexpr const char* kNobodys = "NOT EXISTS (SELECT FROM membridge.contributions c WHERE c.row_id = l.id)";

/// One target database's part of an erasure, inside its transaction.
class RowWithdrawal {
 public:
  RowWithdrawal(Transaction& transaction, const ErasedSources& erased, Instant now, ErasureCounts& counts,
                PassedOver& passed_over, ToldRows& told)
      : transaction_(transaction),
        erased_(erased),
        now_(now),
        counts_(counts),
        passed_over_(passed_over),
        cells_(transaction, erased, counts, told),
        ledger_(transaction),
        target_(transaction, erased.project),
        who_{erased.project.Text(), TextArray(erased.sources)} {}

  const ErasedCells& Cells() const { return cells_; }

  void Begin() {
    rows_ = FirstColumn(
        transaction_.Run("SELECT row_id FROM membridge.contributions WHERE project = $1 AND source = ANY ($2::text[]) "
                         "UNION SELECT row_id FROM membridge.former_speakers WHERE project = $1 AND source = ANY ($2::text[])",
                         who_));
    // In a table whose rows cannot be told apart any more, nothing can be withdrawn. Remember these cells as released.
    for (const std::string& relation : cells_.Relations()) {
      const mappings::Table* table = cells_.Catalog().FindRelation(relation);
      if (table == nullptr || !table->Identity().empty()) continue;
      transaction_.Run(
          "INSERT INTO membridge.released (relation, identity, project, source, cells) "
          "SELECT l.relation, l.identity, c.project, c.source, pg_catalog.jsonb_object_agg(k.name, '{}'::jsonb) "
          "FROM membridge.contributions c JOIN membridge.rows l ON l.id = c.row_id, LATERAL "
          "pg_catalog.jsonb_object_keys(c.cells) AS k (name) "
          "WHERE c.project = $1 AND c.source = ANY ($2::text[]) AND l.relation = $3 GROUP BY 1, 2, 3, 4 ON CONFLICT DO NOTHING",
          {who_[0], who_[1], relation});
    }
    transaction_.Run("DELETE FROM membridge.waiting WHERE project = $1 AND source = ANY ($2::text[])", who_);
    counts_["contributions"] +=
        transaction_.Run("SELECT count(*) FROM membridge.contributions WHERE project = $1 AND source = ANY ($2::text[])", who_)
            .Int(0, 0);
    transaction_.Run("DELETE FROM membridge.sources WHERE project = $1 AND source = ANY ($2::text[])", who_);
    transaction_.Run("DELETE FROM membridge.choices WHERE project = $1 AND speaker = ANY ($2::text[])", who_);
  }

  void Withdraw(const Applier& applier) {
    const std::string& mapping = applier.Definition().name;
    const auto contributing = FirstColumn(transaction_.Run(
        "SELECT DISTINCT source FROM membridge.contributions WHERE project = $1 AND source = ANY ($2::text[]) AND mapping = $3",
        {who_[0], who_[1], mapping}));
    const std::vector<std::string> refused = Apply(applier, contributing);
    if (refused.empty()) return;
    // The database refuses to delete a row. Then withdraw at least what was said in it.
    transaction_.Run(
        "UPDATE membridge.contributions SET goes = false WHERE project = $1 AND source = ANY ($2::text[]) AND mapping = $3",
        {who_[0], TextArray(refused), mapping});
    const auto still = Apply(applier, refused);
    if (still.empty()) return;
    counts_["withdrawals_refused"] += static_cast<std::int64_t>(still.size());
    Log(LogLevel::kError, "erasure_refused",
        {{"project", erased_.project.Text()}, {"mapping", mapping}, {"sources", still.size()}});
  }

  /// Finds rows that were made for this person and are blank, or marked dead, since an earlier withdrawal.
  void FindForsaken(const mappings::Table& table) {
    if (table.Identity().empty()) return;
    const std::string relation = NameOfTable(table.schema, table.name);
    const std::string sql = "SELECT l.id" + NamingInSql(table, "membridge.rows") + " AND " + kNobodys;
    target_.Try(relation, [&] {
      for (std::string& id : FirstColumn(transaction_.Run(sql, {relation, who_[1]}))) rows_.push_back(std::move(id));
    });
  }

  /// Deletes rows that the bridge made and no source speaks for any more, children first, as far as the database allows it.
  void DeleteRows() {
    for (bool progress = true; progress;) {
      progress = false;
      const Rows doomed = transaction_.Run(std::string{"SELECT l.id, l.relation, l.identity::text FROM membridge.rows l WHERE "
                                                       "l.id = ANY ($1::bigint[]) AND l.created AND "} +
                                               kNobodys + " ORDER BY l.id DESC",
                                           {TextArray(rows_)});
      for (std::size_t row = 0; row < doomed.size(); ++row) {
        const auto known = ledger_.Known(std::string{doomed.Text(row, 1)}, mappings::ParseExact(doomed.Text(row, 2)));
        const bool deleted = known && cells_.DeleteRow(*known);
        if (deleted) transaction_.Run("DELETE FROM membridge.rows WHERE id = $1::bigint", {std::string{doomed.Text(row, 0)}});
        progress = progress || deleted;
      }
    }
  }

  void End() {
    cells_.TakeBack(rows_);
    cells_.CountReleased();
    const auto kept = transaction_.Run(std::string{"SELECT count(*), count(*) FILTER (WHERE l.created AND "} + kNobodys +
                                           ") FROM membridge.rows l WHERE id = ANY ($1::bigint[])",
                                       {TextArray(rows_)});
    std::sort(rows_.begin(), rows_.end());
    rows_.erase(std::unique(rows_.begin(), rows_.end()), rows_.end());
    counts_["rows_deleted"] += static_cast<std::int64_t>(rows_.size()) - kept.Int(0, 0);
    counts_["rows_changed"] += kept.Int(0, 0) - kept.Int(0, 1);
    counts_["rows_left"] += kept.Int(0, 1);
    // What could not be removed is remembered under the person's memories, so that the next erasure finds it again.
    transaction_.Run(
        std::string{"INSERT INTO membridge.contributions (row_id, project, mapping, source, name, item, stamp, cells) "
                    "SELECT l.id, $2, '', ($3::text[])[1], '', 'left by an erasure', clock_timestamp(), '{}' "
                    "FROM membridge.rows l WHERE l.id = ANY ($1::bigint[]) AND l.created AND "} +
            kNobodys,
        {TextArray(rows_), who_[0], who_[1]});
    // The ledger forgets rows without any contribution left, because their identity and keys may name the person.
    transaction_.Run(std::string{"DELETE FROM membridge.rows l WHERE "} + kNobodys +
                         " AND (id = ANY ($1::bigint[]) OR EXISTS (SELECT FROM jsonb_each_text(l.identity) AS i WHERE i.value = "
                         "ANY ($2::text[])))",
                     {TextArray(rows_), who_[1]});
    // A digest of a refused value may be a digest of what the person said.
    transaction_.Run(
        "UPDATE membridge.rows SET kept = (SELECT pg_catalog.jsonb_object_agg(k.cell, k.entry - 'd') FROM "
        "pg_catalog.jsonb_each(kept) AS k (cell, entry)) WHERE id = ANY ($1::bigint[]) AND kept IS NOT NULL",
        {TextArray(rows_)});
    transaction_.Run("DELETE FROM membridge.sources WHERE project = $1 AND source = ANY ($2::text[])", who_);
    transaction_.Run("DELETE FROM membridge.former_speakers WHERE project = $1 AND source = ANY ($2::text[])", who_);
    RememberUnerased();
  }

 private:
  /// The state forgets the person now, so the ledger keeps the sources with which the next erasure can go on.
  void RememberUnerased() {
    const std::vector<Param> whose{who_[0], erased_.user_hash};
    transaction_.Run("DELETE FROM membridge.unerased WHERE project = $1 AND user_hash = $2", whose);
    bool is_left = false;
    for (const char* left : {"rows_left", "cells_left", "withdrawals_refused"}) is_left = is_left || counts_[left] > 0;
    if (!is_left || erased_.user_hash.empty()) return;
    transaction_.Run(
        "INSERT INTO membridge.unerased (project, user_hash, source) SELECT DISTINCT $1, $2, s FROM "
        "pg_catalog.unnest($3::text[]) AS s",
        {whose[0], whose[1], who_[1]});
  }

  /// Withdraws these sources. Returns those that were refused.
  std::vector<std::string> Apply(const Applier& applier, const std::vector<std::string>& names) {
    constexpr std::size_t kAtOnce = 200;
    std::vector<std::string> refused;
    for (std::size_t first = 0; first < names.size(); first += kAtOnce) {
      std::vector<Source> sources;
      for (std::size_t i = first; i < std::min(names.size(), first + kAtOnce); ++i) {
        Source& source = sources.emplace_back();
        source.project = erased_.project;
        source.id = names[i];
        source.stamp = now_;
        source.speaks = false;
        source.gone = true;
      }
      const auto outcomes = applier.Apply(transaction_, sources, now_);
      transaction_.EnterRolesPath();
      for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i].kind == Outcome::Kind::kParked) refused.push_back(sources[i].id);
        for (const auto& [project, memory] : outcomes[i].passed_over) passed_over_.emplace_back(project, memory);
      }
      // Forget the tombstones that this entered, because a second try must not count as late.
      transaction_.Run("DELETE FROM membridge.sources WHERE project = $1 AND source = ANY ($2::text[])", who_);
    }
    return refused;
  }

  Transaction& transaction_;
  const ErasedSources& erased_;
  const Instant now_;
  ErasureCounts& counts_;
  PassedOver& passed_over_;
  ErasedCells cells_;
  Ledger ledger_;
  ErasedRows target_;
  const std::vector<Param> who_;   // $1 the project, $2 the sources
  std::vector<std::string> rows_;  // ids of ledger rows they spoke for, or once did
};

/// Adds the events of the memories. Events have their own ids, and the ledger keeps the memory that each was about.
template <class Runs>
ErasedSources WithEvents(Runs& runs, ErasedSources erased) {
  const Rows rows = runs.Run("SELECT DISTINCT source FROM membridge.sources WHERE project = $1 AND memory = ANY ($2::text[])",
                             {erased.project.Text(), TextArray(erased.sources)});
  for (std::string& event : FirstColumn(rows)) erased.sources.push_back(std::move(event));
  const Rows unerased = runs.Run("SELECT source FROM membridge.unerased WHERE project = $1 AND user_hash = $2",
                                 {erased.project.Text(), erased.user_hash});
  for (std::string& source : FirstColumn(unerased)) {
    if (std::find(erased.sources.begin(), erased.sources.end(), source) == erased.sources.end())
      erased.sources.push_back(std::move(source));
  }
  return erased;
}

}  // namespace

ErasureCounts CountInTarget(Transaction& transaction, const ErasedSources& of_state) {
  const ErasedSources erased = WithEvents(transaction, of_state);
  const Rows rows = transaction.Run(R"(
      WITH said AS (SELECT * FROM membridge.contributions WHERE project = $1 AND source = ANY ($2::text[])),
           spoken AS (SELECT l.created AND NOT EXISTS (
                             SELECT FROM membridge.contributions c
                             WHERE c.row_id = l.id AND NOT (c.project = $1 AND c.source = ANY ($2::text[]))) AS alone
                      FROM membridge.rows l WHERE l.id IN (SELECT row_id FROM said))
      SELECT (SELECT count(*) FROM said), count(*) FILTER (WHERE alone), count(*) FILTER (WHERE NOT alone) FROM spoken)",
                                    {erased.project.Text(), TextArray(erased.sources)});
  ErasureCounts counts{{"contributions", rows.Int(0, 0)}, {"rows_deleted", rows.Int(0, 1)}, {"rows_changed", rows.Int(0, 2)}};
  CountVersions(transaction, erased, counts);
  return counts;
}

Transaction EraseInTarget(postgres::Session& session, const ErasureTarget& target, const ErasedSources& of_state, Instant now,
                          ErasureCounts& counts, PassedOver& passed_over) {
  const ErasedSources erased = WithEvents(session, of_state);
  const std::vector<Param> who{erased.project.Text(), TextArray(erased.sources)};
  const auto mappings = FirstColumn(
      session.Run("SELECT DISTINCT mapping FROM membridge.contributions WHERE project = $1 AND source = ANY ($2::text[])", who));
  Transaction transaction = session.Begin();
  // Rows are also deleted outside of any mapping, and deferred triggers run at COMMIT.
  transaction.EnterRolesPath();
  std::vector<Source> nobody(1);  // of rows that are deleted outside of any mapping
  nobody.front().project = erased.project;
  ToldRows told{target.tells_changes, nobody};
  ErasedChanges changes{transaction, erased};
  RowWithdrawal withdrawal{transaction, erased, now, counts, passed_over, told};
  const auto catalog = withdrawal.Cells().SharedCatalog();
  withdrawal.Begin();
  for (const std::string& mapping : mappings)
    withdrawal.Withdraw(Applier{Emptied(target, mapping), catalog, target.tells_changes});
  for (const mappings::Table* table : catalog->Tables()) withdrawal.FindForsaken(*table);
  withdrawal.DeleteRows();
  EraseVersions(transaction, *catalog, erased, counts, told);
  withdrawal.End();
  told.Write(transaction, "");
  changes.Erase(counts);
  return transaction;
}

}  // namespace membridge::sync
