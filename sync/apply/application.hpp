#pragma once

// One attempt at applying a batch under one mapping: private to sync/apply.

#include <map>
#include <string>
#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/entered_sources.hpp"
#include "sync/apply/instances.hpp"
#include "sync/apply/orphan_tables.hpp"
#include "sync/apply/plan.hpp"
#include "sync/apply/report.hpp"
#include "sync/apply/row_remover.hpp"
#include "sync/apply/source.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Works level by level; a level is one row of the mapping. Per level it makes the instances that the sources speak of
/// (Instances), finds or makes their target rows (RowFinder), collects the sources that speak for each row, forgets rows that a
/// person has replaced (RowReleaser), and settles their cells (RowSettler). At the end it does the same for rows that the mapping
/// no longer has (OrphanTables), removes rows that no source speaks for (RowRemover), and remembers which rows are missing.
class Application {
 public:
  /// Everything referred to outlives it.
  Application(const MappingPlan& plan, postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now,
              bool explain, const Leaned& passed_over);

  /// What to do about deferred constraints and triggers.
  enum class Deferred {
    kLeft,   ///< leave them to COMMIT, unless the mapping has settings that they may need
    kAsked,  ///< run them before Run() returns; everything deferrable waits until then
  };
  /// Throws postgres::SqlFailure or Refusal; the caller rolls back to where it was.
  std::vector<Outcome> Run(Deferred deferred);
  /// Returns the memories whose older claims were written because claims of the batch's sources are gone.
  Leaned LeanedOn() const;
  /// The mapping row that was being applied when Run() threw; it gives the parked memory's place.
  const mappings::Row* At() const { return at_; }

 private:
  void EnterSources();
  void SettleLevel(const PlannedRow& planned, std::vector<Instance>& instances);
  void NoteLookups(const PlannedRow& planned, const std::vector<Instance>& instances);
  std::map<nlohmann::json, Work> WorksOf(const PlannedRow& planned, std::vector<Instance>& instances);
  /// Returns the works in order of identity, each with its row of the ledger.
  std::vector<Work> Booked(const TargetTable& table, std::map<nlohmann::json, Work>&& by_identity);
  void Give(const PlannedRow& planned, std::vector<Work>& works);
  void ShowRows(const PlannedRow& planned, std::vector<Instance>& instances);
  void SettleOrphans();
  void SettleOrphansOf(const std::string& relation, const std::vector<const Contribution*>& contributions);
  void SettleWaits();

  AttemptContext context_;
  const Leaned& passed_over_;  // whose claims of this mapping count as never made
  EnteredSources sources_;
  OrphanTables orphans_;
  Instances instances_;
  RowRemover remover_;
  const mappings::Row* at_ = nullptr;
};

}  // namespace membridge::sync
