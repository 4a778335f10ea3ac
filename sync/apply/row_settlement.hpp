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

/// Settles one target row: decides every cell that a source of this batch claims or used to claim, by the claims of all sources.
/// Uses no database: the caller writes Change() and passes the row back to Written(). Updates the work's ledger row.
class RowSettlement {
 public:
  /// Everything referred to outlives it.
  RowSettlement(const PlannedRow& planned, Work& work, Report& report)
      : planned_(planned), table_(*planned.table), work_(work), report_(report) {}

  /// Whether the row itself must be removed: the bridge made it, its mapping says `gone: delete`, and no memory speaks for it any
  /// more.
  bool Goes() const;

  /// The cells that this batch used to claim and the mapping's row no longer has. They are given back before cells that share a
  /// column with them are decided, so that `(street, zip)` may replace `street`.
  std::set<std::string> Dropped() const;
  /// The other cells that this batch claims or used to claim, without cells whose value mentions `$row`; and the cells that other
  /// sources claim and that share a column with a dropped one.
  std::set<std::string> Present() const;
  /// The cells whose value mentions `$row`. They are decided after all others are written.
  std::set<std::string> Late() const;

  /// Decides these cells. `scope` is what the row's `touch` is evaluated in.
  void Settle(const mappings::Scope& scope, const std::set<std::string>& names);
  bool Changes() const { return !change_.columns.empty() || !change_.paths.empty(); }
  const RowChange& Change() const { return change_; }
  Work& Of() const { return work_; }
  /// The source whose claim is written into the column; empty: none, because the column is given back or nobody claims it.
  std::string SpeakerOf(const std::string& column) const;

  /// Takes the row after the change was written: what triggers and types made of the values counts as ours.
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
    nlohmann::json desired;  ///< for elements: the claim that led to them
  };
  std::vector<Asked> asked_;
  std::vector<std::pair<mappings::Cell, std::string>> spoken_;  // cells that are written, each with the source that says so
};

}  // namespace membridge::sync
