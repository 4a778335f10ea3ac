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

/// The sources of an attempt: which of them may write, and what they said before. What they said before is handed out once, so
/// that what the mapping's rows leave is known in the end. Functions that ask the ledger throw postgres::SqlFailure.
class EnteredSources {
 public:
  /// The context outlives it.
  explicit EnteredSources(AttemptContext& context);

  /// Enters the sources into the ledger. The report learns of those that come too late.
  void Enter();
  /// Reads what they said before; again when the tables go by other names now.
  void ReadFormer();

  bool MayWrite(std::size_t source) const { return entered_[source]; }
  /// Of all of them, by position: those that may write.
  std::vector<std::size_t> Entered() const;
  /// The source of this batch whose contribution it is.
  std::optional<std::size_t> SourceOf(const Contribution& contribution) const;

  /// The tables that any of them spoke of before, each once.
  const std::vector<std::string>& FormerRelations() const { return former_relations_; }
  /// What those that may write said before. Stays where it is until ReadFormer().
  const std::vector<Contribution>& Former() const { return former_; }
  /// Calls `use` with everything of that which is wanted and was not taken before. Whether the next is wanted is asked after it.
  void Take(const std::function<bool(const Contribution&)>& is_wanted, const std::function<void(const Contribution&)>& use);

 private:
  AttemptContext& context_;
  std::vector<bool> entered_;
  std::map<std::pair<std::string, std::string>, std::size_t> by_id_;  // project and id of a source, to its position
  std::vector<std::string> former_relations_;
  std::vector<Contribution> former_;
  std::vector<bool> taken_;  // parallel to it
};

}  // namespace membridge::sync
