#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <vector>

#include "mappings/base/id.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {

/// How many memories may vanish at Mem0 within a time without a DELETE delivery that says so: as many as a sweep lets vanish.
struct VanishingGuard {
  std::int64_t at_least = 20;  ///< so many may,
  double share = 0.1;          ///< or this share of all, whichever is more
  std::chrono::seconds within = std::chrono::hours{1};
};

/// Tells withdrawals that somebody asked for from those that only Mem0's silence asks for. Functions throw postgres::SqlFailure.
class Vanishing {
 public:
  /// The transaction outlives it.
  explicit Vanishing(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Of memories that are absent for good, the places of those that must not be withdrawn: too many of the project vanished at
  /// once, and neither a DELETE delivery, nor a sweep with its own guard, nor a person asked for these. All of them are held, or
  /// none. Those held stay held until one of the three speaks of them, or they are there again.
  std::set<std::size_t> HoldBack(const ProjectId& project, const std::vector<Claim>& absent, const VanishingGuard& guard);

  /// Notes that Mem0 contradicts itself about a memory, and returns for how long it has; a pause of ten minutes is an end.
  std::chrono::milliseconds Contradicted(const Claim& claim);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
