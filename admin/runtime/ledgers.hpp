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
  std::optional<sync::LedgerLook> look;  ///< nothing: `error` says why not
  std::optional<Error> error;            ///< also of a ledger that is another state's
};

/// How every target's ledger and the state stand to one another; changes nothing. Blocks for a connection attempt each.
std::vector<TargetStanding> LookAtLedgers(const Config& config, const Databases& databases);

/// kRefused: one of these targets has the ledger of another state. One that cannot be looked at is no reason.
Result<void> MayWriteTo(const Config& config, const Databases& databases, const std::vector<std::string>& targets);

/// The same as `check` and `doctor` tell it: what is missing only. Nothing of databases that are away or not migrated.
std::vector<Precondition> ForeignLedgers(const Config& config, const Databases& databases);

/// `{"target", "standing", "ledger", "state", "since", "fences", "message", "hint"}`.
nlohmann::ordered_json ViewOf(const TargetStanding& standing);

/// Takes the ledger of a target over. What follows, `serve` does: every memory is read again. False: it was this state's already.
/// kNotFound: no such target.
Result<bool> AdoptTarget(const Config& config, const Databases& databases, const std::string& target);

/// Looks at every ledger each ten seconds, and tells which are another state's. Threads: one of its own.
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
