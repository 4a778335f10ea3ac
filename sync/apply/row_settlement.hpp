#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sync/apply/plan.hpp"
#include "sync/apply/report.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Decides what becomes of one target row: every cell that a source of this batch speaks for or used to, by the claims of all
/// sources. Asks no database: the caller writes `Change()` and hands back the row as it stands then. Brings the work's ledger row
/// up to date.
class RowSettlement {
 public:
  /// Everything referred to outlives it.
  RowSettlement(const PlannedRow& planned, Work& work, Report& report)
      : planned_(planned), table_(*planned.table), work_(work), report_(report) {}

  /// Whether the row itself goes: the bridge made it, its mapping says `gone: delete` and no memory speaks for it any more.
  bool Goes() const;

  /// The cells that this batch used to speak for and the mapping's row no longer has: they are given back before others that
  /// share a column with them are decided, so that `(street, zip)` may follow `street`.
  std::set<std::string> Dropped() const;
  /// The others that this batch speaks for or used to; and whoever speaks for them, those that share a column with a dropped one.
  /// Without what mentions `$row`.
  std::set<std::string> Present() const;
  /// What mentions `$row`: decided once the row is as it will be.
  std::set<std::string> Late() const;

  /// Decides these cells. `scope` is what the row's `touch` is evaluated in.
  void Settle(const mappings::Scope& scope, const std::set<std::string>& names);
  bool Changes() const { return !change_.columns.empty() || !change_.paths.empty(); }
  const RowChange& Change() const { return change_; }
  Work& Of() const { return work_; }

  /// The row after the change was written: what triggers and types made of it is what counts as ours.
  void Written(const Image& after);

 private:
  std::set<std::string> Spoken() const;
  void NoticePerson();
  void Revive();
  /// The moment of the attempt, as the mapping's `$now`.
  Instant Now() const;
  void SettleOne(const std::string& name);
  void NoteLeaning(const mappings::Cell& cell, const std::vector<const Contribution*>& claimants, const Content& current,
                   const Content& written);
  CellFacts FactsOf(const mappings::Cell& cell) const;
  std::vector<const Contribution*> ClaimantsOf(const std::string& name) const;
  std::optional<CellEntry> EntryOf(const mappings::Cell& cell, const CellFacts& facts) const;
  const Contribution* OfTheCreator(const std::string& name) const;
  void FillKeys();
  void FollowTriggers(const Image& after);
  void RememberInsert();
  void AddTouch(const mappings::Scope& scope);
  bool IsChanging(std::size_t column) const;

  const PlannedRow& planned_;
  const TargetTable& table_;
  Work& work_;
  Report& report_;
  const mappings::Scope* scope_ = nullptr;  // while cells are decided
  RowChange change_;

  /// A cell that has to be read back.
  struct Asked {
    mappings::Cell cell;
    Content value;
    nlohmann::json desired;  ///< of elements: what led to them
  };
  std::vector<Asked> asked_;
};

}  // namespace membridge::sync
