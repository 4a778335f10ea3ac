#pragma once

// One attempt at applying a batch under one mapping: private to sync/apply.

#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sync/apply/claims.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/missing_rows.hpp"
#include "sync/apply/plan.hpp"
#include "sync/apply/refusal.hpp"
#include "sync/apply/report.hpp"
#include "sync/apply/row_settlement.hpp"
#include "sync/apply/source.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Level by level, a level being one row of the mapping: find or make the target rows (resolve.cpp), put together who speaks for
/// them (application.cpp), settle their cells (settle_level.cpp), and in the end take away what nothing says any more
/// (removal.cpp) and book who looked for what in vain (note_missing.cpp).
class Application {
 public:
  Application(const MappingPlan& plan, postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now,
              bool explain, const Leaned& passed_over);

  /// What is done about constraints and triggers that wait for the end of the transaction.
  enum class Deferred {
    kLeft,   ///< nothing
    kAsked,  ///< they are asked before Run() returns, and whatever is deferrable waits until then
  };
  /// Throws postgres::SqlFailure or Refusal; the caller rolls back to where it was.
  std::vector<Outcome> Run(Deferred deferred);
  /// Memories whose older claims were written because those of the batch's sources are gone.
  Leaned LeanedOn() const;
  /// The mapping row at work when it threw: for the parked memory's place.
  const mappings::Row* At() const { return at_; }

 private:
  using Claims = std::vector<std::pair<Contribution*, const mappings::CellValue*>>;

  void EnterSettings();
  void LeaveSettings();
  void EnterSources();
  /// The source of this batch whose contribution it is.
  std::optional<std::size_t> SourceOf(const Contribution& contribution) const;

  void BuildFrames();
  std::vector<Instance> InstancesOf(std::size_t level);
  void Resolve(const PlannedRow& planned, std::vector<Instance>& instances);
  void ResolveOwn(const PlannedRow& planned, std::vector<Instance>& instances);
  /// Those without a row yet that have this key, and its values.
  struct Asking {
    std::vector<TargetTable::KeyColumn> columns;
    std::vector<Instance*> instances;
    std::vector<nlohmann::json> values;
  };
  static Asking AskingBy(const mappings::Key& key, const TargetTable& table, const std::vector<Instance*>& wanted);
  void FindByKeys(const PlannedRow& planned, std::vector<Instance*>& wanted);
  void Create(const PlannedRow& planned, std::vector<Instance*> wanted);
  std::optional<nlohmann::json> ValuesFor(const PlannedRow& planned, Instance& instance);
  void RefuseAlteredKeys(const PlannedRow& planned, const std::vector<Instance*>& made, const std::vector<Image>& images);
  void InsertRound(const PlannedRow& planned, const std::vector<Instance*>& round);
  void WaitForMissing(const PlannedRow& planned, std::vector<Instance>& instances);
  void NoteMissing(const PlannedRow& planned, const Instance& instance, bool waits);
  bool MayWait() const;
  void SettleWaits();

  void SettleLevel(std::size_t level, std::vector<Instance>& instances);
  std::map<nlohmann::json, Work> WorksOf(const PlannedRow& planned, std::vector<Instance>& instances);
  void NoteLookups(const PlannedRow& planned, const std::vector<Instance>& instances);
  bool IsRow(const Contribution& contribution) const;
  /// Works in order of identity, each with its row of the ledger.
  std::vector<Work> Booked(const TargetTable& table, std::map<nlohmann::json, Work> by_identity);
  /// Leaves rows alone that carry what the ledger knows them by no more: somebody else's, whatever their primary key.
  void LetGo(const PlannedRow& planned, std::vector<Work>& works);
  void LetGoOf(const PlannedRow& planned, Work& work);
  void Give(const PlannedRow& planned, std::vector<Work>& works);
  void ShowRows(const PlannedRow& planned, std::vector<Instance>& instances);
  bool FollowOrphanTables();
  const PlannedRow* OrphanTable(const std::string& relation);
  void SettleOrphans();
  void SettleOrphansOf(const std::string& relation, const std::vector<const Contribution*>& contributions);

  void SettleWorks(const PlannedRow& planned, std::vector<Work>& works);
  std::vector<Work*> Record(const PlannedRow& planned, std::vector<Work>& works);
  void Decide(const PlannedRow& planned, const std::vector<Work*>& works, std::set<std::string> (RowSettlement::*names)() const);
  void SettleLate(const PlannedRow& planned, const std::vector<Work*>& works);
  void HearOthers(std::vector<Work>& works);
  void Outgrow(const PlannedRow& planned, std::vector<Work>& works);
  std::set<const Contribution*> OutdatedIn(const PlannedRow& planned, const Work& work) const;
  const mappings::Scope& TouchScope(const Work& work) const;
  void Write(const PlannedRow& planned, std::vector<RowSettlement>& settlements);
  void NoteRows(const PlannedRow& planned, const std::vector<Work>& works);
  void AddCounters(const PlannedRow& planned, std::vector<Work>& works);
  /// Under `history`: whether this version is the open one.
  static bool IsCurrent(const PlannedRow& planned, const Image& image);
  /// What is to be known of the version that stands there, if it is closed.
  static void KeepVersion(Work& work);
  std::vector<std::optional<Image>> OpenVersions(const PlannedRow& planned, const std::vector<Work*>& works,
                                                 const std::vector<RowChange>& changes);

  struct Doomed {
    const TargetTable* table;
    LedgerRow row;
    std::optional<std::size_t> now_column;
    std::optional<std::size_t> changed_column;
    std::set<std::size_t> sources;
    nlohmann::json was;
  };
  void Doom(const PlannedRow& planned, const Work& work);
  void DeleteDoomed();
  bool Remove(const std::vector<Doomed*>& group, bool may_wait);
  void DeleteRows(const TargetTable& table, const std::vector<Doomed*>& group);
  void MarkDead(const TargetTable& table, const std::vector<Doomed*>& group);

  const MappingPlan& plan_;
  postgres::Transaction& transaction_;
  const std::vector<Source>& sources_;
  const Instant now_;
  Ledger ledger_;
  Waits waits_;
  Report report_;
  const mappings::Row* at_ = nullptr;
  const Leaned& passed_over_;  // whose claims of this mapping count as never made
  std::vector<bool> entered_;
  std::map<std::pair<std::string, std::string>, std::size_t> by_id_;  // project and id of a source, to its position
  std::list<Frame> frames_;
  std::vector<Frame*> source_frames_;
  std::vector<std::vector<Instance>> levels_;
  std::vector<Contribution> old_;  // of the batch's sources, before
  std::set<std::size_t> handled_;  // indexes into old_ that a level has settled
  std::vector<Doomed> doomed_;
  std::vector<std::pair<std::string, std::string>> previous_settings_;
  std::list<mappings::Catalog> orphan_catalogs_;
  std::map<std::string, PlannedRow> orphan_tables_;  // by relation; without a table: it is gone
};

}  // namespace membridge::sync
