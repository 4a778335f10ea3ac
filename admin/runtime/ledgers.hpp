#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/runtime/databases.hpp"
#include "admin/runtime/periodic.hpp"
#include "admin/runtime/reasons.hpp"
#include "admin/runtime/surroundings.hpp"
#include "mappings/base/result.hpp"
#include "sync/targets/ledger_tie.hpp"

namespace membridge::admin {

/// A target of the configuration and its ledger.
struct TargetStanding {
  std::string target;
  std::optional<sync::LedgerLook> look;  ///< nothing: see `error`
  std::optional<Error> error;            ///< also set when the ledger belongs to another state
};

/// Returns for every target whether its ledger belongs to this state. Changes nothing. Blocks for one connection attempt per
/// target.
std::vector<TargetStanding> LookAtLedgers(const Config& config, const Databases& databases);

/// Checks that commands may write to these targets. kRefused: the ledger of one of them belongs to another state. A target that
/// cannot be reached is not refused.
Result<void> MayWriteTo(const Config& config, const Databases& databases, const std::vector<std::string>& targets);

/// Returns the ledgers of other states in the form of `check` and `doctor`. Leaves out databases that are away or not migrated.
std::vector<Precondition> ForeignLedgers(const Config& config, const Databases& databases);

/// `{"target", "standing", "ledger", "state", "since", "fences", "message", "hint"}`.
nlohmann::ordered_json ViewOf(const TargetStanding& standing);

/// Takes over the ledger of a target; `serve` then reads every memory again. False: the ledger belonged to this state already.
/// kNotFound: there is no such target.
Result<bool> AdoptTarget(const Config& config, const Databases& databases, const std::string& target);

/// Checks every ledger each ten seconds and reports those of other states in `reasons`. Threads: one of its own.
class LedgerWatch {
 public:
  static constexpr std::chrono::seconds kEvery{10};

  /// Everything outlives it.
  LedgerWatch(const Config& config, const Databases& databases, Reasons& reasons);

  void RequestStop() { thread_.RequestStop(); }

 private:
  Periodic thread_;
};

}  // namespace membridge::admin
