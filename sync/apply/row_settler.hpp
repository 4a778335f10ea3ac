#pragma once

#include <set>
#include <string>
#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/instances.hpp"
#include "sync/apply/row_remover.hpp"
#include "sync/apply/row_settlement.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Settles the target rows of one level: collects all claims on them, records them in the ledger, and writes the resulting cells.
/// Functions throw postgres::SqlFailure or Refusal.
class RowSettler {
 public:
  /// Everything referred to outlives it. `passed_over`: whose claims of this mapping count as never made.
  RowSettler(AttemptContext& context, const Leaned& passed_over, const Instances& instances, RowRemover& remover,
             const PlannedRow& planned)
      : context_(context), passed_over_(passed_over), instances_(instances), remover_(remover), planned_(planned) {}

  /// Settles the works, which hold what this batch says about the rows now and what it said before. Leaves rows that no source
  /// speaks for any more to the remover.
  void Settle(std::vector<Work>& works);
  /// Adds to the counters of the rows.
  void AddCounters(std::vector<Work>& works);

 private:
  std::vector<Work*> Record(std::vector<Work>& works, std::vector<const Contribution*>& said);
  void SaveSaid(std::vector<Work>& works, const std::vector<const Contribution*>& said);
  void Decide(const std::vector<Work*>& works, std::set<std::string> (RowSettlement::*names)() const);
  void SettleLate(const std::vector<Work*>& works);
  void HearOthers(std::vector<Work>& works);
  void Outgrow(std::vector<Work>& works);
  std::set<const Contribution*> OutdatedIn(const Work& work) const;
  void Write(std::vector<RowSettlement>& settlements);
  void NoteRows(const std::vector<Work>& works);
  void TellCounters(const std::vector<Work>& works);

  AttemptContext& context_;
  const Leaned& passed_over_;
  const Instances& instances_;
  RowRemover& remover_;
  const PlannedRow& planned_;
};

}  // namespace membridge::sync
