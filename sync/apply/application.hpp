#pragma once

// One attempt at applying a batch under one mapping: private to sync/apply.

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "mappings/evaluate.hpp"
#include "sync/apply/cells.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/source.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

/// A mapping row with the table it writes.
struct PlannedRow {
  const mappings::Row* row = nullptr;
  std::unique_ptr<TargetTable> table;
  std::set<std::string> key_columns;  ///< rows are found by them
  bool speaks = true;                 ///< false for a mere lookup: nothing to remember of it
};

struct MappingPlan {
  std::shared_ptr<const mappings::Mapping> mapping;
  std::shared_ptr<const mappings::Catalog> catalog;
  std::vector<PlannedRow> rows;  ///< parallel to mapping->rows
  std::optional<std::string> role;
  std::vector<std::pair<std::string, std::string>> settings;
};

/// The bridge's own refusal of a source; cause and hint are for the operator.
struct Refusal : std::runtime_error {
  Refusal(ErrorCode code_, const std::string& cause, std::string hint_) : std::runtime_error(cause), code(code_), hint(std::move(hint_)) {}
  ErrorCode code;
  std::string hint;
};

/// The names an expression may use at one point of the evaluation, with the values they stand for.
struct Frame {
  explicit Frame(const Frame* outer) : scope(outer == nullptr ? nullptr : &outer->scope) {}
  void Set(const std::string& name, nlohmann::json value) {
    held.push_back(std::move(value));
    scope.Set(name, &held.back());
  }
  mappings::Scope scope;
  std::deque<nlohmann::json> held;
};

/// One row of one source on its way: from its key to its target row.
struct Instance {
  std::size_t source = 0;
  Frame* frame = nullptr;
  std::string item;
  mappings::RowIntent intent;
  std::optional<Image> image;  ///< the target row, once found or made
  std::string found_by;         ///< the key's columns, as in `(account_id, email)`
  bool created = false;
  bool revived = false;  ///< it was dead by our own hand
  nlohmann::json inserted;  ///< the values it was made with
};

class Application {
 public:
  Application(const MappingPlan& plan, postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now, bool explain);

  /// Throws postgres::SqlFailure or Refusal; the caller rolls back to where it was.
  std::vector<Outcome> Run();
  /// The mapping row at work when it threw: for the parked memory's place.
  const mappings::Row* At() const { return at_; }

 private:
  /// One target row of one level, with everything that decides its cells.
  struct Work {
    LedgerRow ledger;
    Image image;
    std::vector<Instance*> instances;            ///< that speak for it
    std::vector<const Contribution*> withdrawn;  ///< of this batch, as they were
    std::vector<Contribution> given;             ///< of this batch, as they are now
    std::vector<Contribution> others;            ///< everybody else's
    std::set<std::size_t> sources;               ///< whose outcome this row belongs to
    bool created = false;
    bool revived = false;
  };

  void EnterSettings();
  void LeaveSettings();
  void BuildFrames();
  std::vector<Instance> InstancesOf(std::size_t level);
  void Resolve(const PlannedRow& planned, std::vector<Instance>& instances);
  void ResolveOwn(const PlannedRow& planned, std::vector<Instance>& instances);
  void FindByKeys(const PlannedRow& planned, std::vector<Instance*>& wanted);
  /// Under `history`: whether this version is the open one.
  static bool IsCurrent(const PlannedRow& planned, const Image& image);
  void Create(const PlannedRow& planned, std::vector<Instance*> wanted);
  std::optional<nlohmann::json> ValuesFor(const PlannedRow& planned, Instance& instance);
  void InsertRound(const PlannedRow& planned, const std::vector<Instance*>& round);
  void SettleLevel(std::size_t level, std::vector<Instance>& instances);
  void SettleOrphans();
  /// `only`: the cells to settle, when not all that were ever spoken for.
  void SettleWorks(const PlannedRow& planned, std::vector<Work>& works, const std::set<std::string>* only = nullptr);
  void SettleLate(const PlannedRow& planned, std::vector<Work>& works);
  void AddClaims(const PlannedRow& planned, std::vector<std::pair<Contribution*, const mappings::CellValue*>> claims);
  std::vector<std::optional<Image>> OpenVersions(const PlannedRow& planned, const std::vector<Work*>& works, const std::vector<RowChange>& changes);
  void AddCounters(const PlannedRow& planned, std::vector<Work>& works);
  void DeleteDoomed();
  void Note(std::size_t source, Decision decision);
  void Touch(const std::set<std::size_t>& sources, const TargetTable& table, const nlohmann::json& identity, nlohmann::json deleted = nullptr);

  const MappingPlan& plan_;
  postgres::Transaction& transaction_;
  const std::vector<Source>& sources_;
  const Instant now_;
  const bool explain_;
  Ledger ledger_;
  const mappings::Row* at_ = nullptr;
  std::vector<Outcome> outcomes_;
  std::vector<bool> entered_;
  std::list<Frame> frames_;
  std::vector<Frame*> source_frames_;
  std::vector<std::vector<Instance>> levels_;
  std::vector<Contribution> old_;       // of the batch's sources, before
  std::set<std::size_t> handled_;       // indexes into old_ that a level has settled
  struct Doomed {
    const TargetTable* table;
    LedgerRow row;
    std::string now_column;
    std::set<std::size_t> sources;
    nlohmann::json was;
  };
  std::vector<Doomed> doomed_;
  std::vector<std::pair<std::string, std::string>> previous_settings_;
  std::list<PlannedRow> orphan_tables_;
  std::list<Contribution> before_late_;
};

}  // namespace membridge::sync
