#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "sync/backfill/run.hpp"
#include "sync/targets/ledger_tie.hpp"
#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::sync {

/// A target that has a run's mapping.
struct ExportPlace {
  std::string target;
  std::optional<std::string> dsn;
  std::shared_ptr<const Applier> applier;
  Admission admission{};  ///< filled by ExportUse::AskLedgers
};

/// The mapping of a run of exports with its targets, and the question that it asks Mem0.
struct ExportUse {
  std::shared_ptr<const MappingSet> set;  ///< keeps the rest alive
  std::vector<ExportPlace> places;
  nlohmann::json schema;
  std::string instructions;
  std::string asked;  ///< digest of the question

  /// kBadMapping: the project has no such mapping.
  static Result<ExportUse> Of(const Run& run, std::shared_ptr<const MappingSet> set);

  /// Gets the admission to every target's ledger. Call it before Mem0 is asked. Errors as LedgerTie::Admit(): a ledger belongs to
  /// another state, or another process is taking it over. Throws postgres::SqlFailure.
  Result<void> AskLedgers(TiedSessions& sessions);
};

}  // namespace membridge::sync
