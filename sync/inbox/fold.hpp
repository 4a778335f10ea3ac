#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// The result of a fold.
struct Folded {
  bool folded = false;               ///< false: another session was folding
  std::size_t deliveries = 0;        ///< how many were new
  bool more = false;                 ///< more is waiting: fold again at once
  bool news = false;                 ///< workers have work that they were not told of
  std::string snapshot;              ///< tells which transactions are folded; see Sees()
  std::vector<DeliveryId> parked{};  ///< could not be folded; their memories are parked
};

/// Turns new deliveries in the journal into dirty marks and events. Each delivery is folded once, however late its transaction
/// commits, and by whatever process. A copy of the database (a restored dump, another server) folds the days it keeps once more:
/// that may mark memories without need, and counts no event twice. Functions use transactions of their own and throw
/// postgres::SqlFailure.
class Fold {
 public:
  /// How many deliveries a fold takes in one transaction; more when one transaction stored more.
  static constexpr std::size_t kAtOnce = 2000;

  /// Folds once. Finds a delivery that cannot be folded by halving and parks its memories, so that it does not hold up the
  /// others.
  static Folded Once(postgres::Session& session, std::size_t at_most = kAtOnce);
  /// Folds until everything is folded that was committed before the call. Waits for other sessions that fold. Returns how many
  /// deliveries were new.
  static std::size_t All(postgres::Session& session);
};

/// Whether a transaction is folded according to the snapshot that a fold returned.
bool Sees(std::string_view snapshot, std::uint64_t transaction);

}  // namespace membridge::sync
