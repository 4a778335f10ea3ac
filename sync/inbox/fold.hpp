#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// What a fold came to.
struct Folded {
  bool folded = false;               ///< false: somebody else folds at this moment
  std::size_t deliveries = 0;        ///< that were new
  bool more = false;                 ///< it is worth to go on at once
  bool news = false;                 ///< workers have something to do that they were not told of
  std::string snapshot;              ///< which transactions are folded (Sees)
  std::vector<DeliveryId> parked{};  ///< that could not be folded; their memories are parked
};

/// Makes marks and events of what is new in the journal. Each delivery is folded once, however late its transaction commits and
/// in whichever process; in a copy of the database (a dump restored, another server) the days kept are folded once more, which
/// marks memories that may not need it and counts no event twice. Functions take transactions of their own and throw
/// postgres::SqlFailure.
class Fold {
 public:
  /// Deliveries in one transaction, unless one transaction stored more.
  static constexpr std::size_t kAtOnce = 2000;

  /// One step. A delivery that cannot be folded is found by halving, and its memories are parked, so that it holds up no
  /// other.
  static Folded Once(postgres::Session& session, std::size_t at_most = kAtOnce);
  /// Until nothing is left that was committed before; waits for others that fold. Returns how many deliveries were new.
  static std::size_t All(postgres::Session& session);
};

/// Whether a transaction is folded, by the snapshot a fold returned.
bool Sees(std::string_view snapshot, std::uint64_t transaction);

}  // namespace membridge::sync
