#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/ledger.hpp"

namespace membridge::sync {

/// The sources of an attempt: which of them may write, and what they said before. Take() hands each former contribution out once,
/// so that those that no row of the mapping took are known at the end. Functions that read the ledger throw postgres::SqlFailure.
class EnteredSources {
 public:
  /// The context outlives it.
  explicit EnteredSources(AttemptContext& context);

  /// Enters the sources into the ledger. The report learns of those that come too late.
  void Enter();
  /// Reads what they said before. Call it again when tables have other names now.
  void ReadFormer();

  bool MayWrite(std::size_t source) const { return entered_[source]; }
  /// The positions of the sources that may write.
  std::vector<std::size_t> Entered() const;
  /// Returns the position of the source that made the contribution; nothing when it is not in this batch.
  std::optional<std::size_t> SourceOf(const Contribution& contribution) const;

  /// The tables that any of them spoke of before, each once.
  const std::vector<std::string>& FormerRelations() const { return former_relations_; }
  /// What the sources that may write said before. References stay valid until ReadFormer().
  const std::vector<Contribution>& Former() const { return former_; }
  /// Calls `use` with each former contribution that is wanted and was not taken before. Calls `is_wanted` for the next one only
  /// after `use` returned.
  void Take(const std::function<bool(const Contribution&)>& is_wanted, const std::function<void(const Contribution&)>& use);

 private:
  AttemptContext& context_;
  std::vector<bool> entered_;
  std::map<std::pair<std::string, std::string>, std::size_t> by_id_;  // project and id of a source, to its position
  std::vector<std::string> former_relations_;
  std::vector<Contribution> former_;
  std::vector<bool> taken_;  // parallel to former_
};

}  // namespace membridge::sync
