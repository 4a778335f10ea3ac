#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sync/apply/source.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

/// Sources by project and id.
using Leaned = std::set<std::pair<ProjectId, MemoryId>>;

/// What became of the sources of one attempt: an outcome each, with its decisions when they were asked for.
class Report {
 public:
  Report(std::size_t sources, bool explain) : outcomes_(sources), explain_(explain) {}

  /// Whether decisions are kept: asked before one is put together.
  bool Explains() const { return explain_; }
  void Late(std::size_t source) { outcomes_[source].kind = Outcome::Kind::kLate; }
  void Wait(std::size_t source) { outcomes_[source].waits = true; }
  void Wake(std::size_t source) { outcomes_[source].wakes = true; }
  void Note(std::size_t source, Decision decision);
  void Note(const std::set<std::size_t>& sources, const Decision& decision);
  /// A target row changed on behalf of these sources. `deleted`: the row as it was, when it went.
  void Touch(const std::set<std::size_t>& sources, const TargetTable& table, const nlohmann::json& identity,
             const nlohmann::json& deleted = nullptr);

  /// A cell was given to what another source claims of it.
  void Lean(const std::string& project, const std::string& source) { leaned_on_.emplace(project, source); }
  const Leaned& LeanedOn() const { return leaned_on_; }

  std::vector<Outcome> Take() { return std::move(outcomes_); }

 private:
  std::vector<Outcome> outcomes_;
  bool explain_;
  Leaned leaned_on_;
};

}  // namespace membridge::sync
