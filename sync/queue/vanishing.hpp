#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <vector>

#include "mappings/base/id.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {

/// How many memories may vanish at Mem0 within a time without a DELETE delivery. A sweep has the same bounds.
struct VanishingGuard {
  std::int64_t at_least = 20;  ///< this many may,
  double share = 0.1;          ///< or this share of all, if that is more
  std::chrono::seconds within = std::chrono::hours{1};
};

/// Tells memories that were deleted on request from memories that Mem0 merely does not return any more. Functions throw
/// postgres::SqlFailure.
class Vanishing {
 public:
  /// The transaction outlives it.
  explicit Vanishing(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Returns the positions of absent memories that must not be withdrawn yet: too many of the project vanished at once, and no
  /// DELETE delivery, no sweep with its own guard and no person asked for these. Holds all of them or none. A held memory stays
  /// held until one of the three asks for it, or Mem0 returns it again.
  std::set<std::size_t> HoldBack(const ProjectId& project, const std::vector<Claim>& absent, const VanishingGuard& guard);

  /// Notes that Mem0 contradicts itself about a memory, and returns for how long it has done so. After ten minutes without a
  /// contradiction the time starts anew.
  std::chrono::milliseconds Contradicted(const Claim& claim);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
