#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "sync/queue/vanishing.hpp"
#include "sync/worker/claim_turn.hpp"
#include "sync/worker/reader.hpp"

namespace membridge::sync {

struct WorkerOptions {
  std::size_t batch = 200;                    ///< memories claimed at once; Mem0 lists at most 200
  std::chrono::milliseconds read_lag{1000};   ///< how far Mem0's reads may lag behind its writes; a read is final when it began
                                              ///< this much after the newest delivery
  std::chrono::seconds lease{60};             ///< how long a claim hides a memory from other workers
  std::chrono::milliseconds retry_base{500};  ///< first wait after a failure; doubles with jitter
  std::chrono::milliseconds retry_cap{60'000};
  ReaderOptions reading;
  VanishingGuard vanishing;  ///< how many memories may vanish at Mem0 unannounced before they are held
  std::chrono::milliseconds contradiction_patience = std::chrono::hours{1};  ///< how long Mem0 may contradict itself
  std::chrono::seconds wake_every{5};  ///< how often a worker looks for woken memories that a dead worker did not mark, and for
                                       ///< parked ones that are due
  std::chrono::milliseconds blocked_base{25};  ///< first wait for a session that is in the way; doubles with jitter
  std::chrono::milliseconds blocked_cap{5'000};
  std::shared_ptr<ClaimTurn> turn = std::make_shared<ClaimTurn>();  ///< the same for all workers of a process

  /// How long a memory waits after it failed `attempts` times.
  std::chrono::milliseconds RetryIn(int attempts) const;
  /// How long a memory waits that another session blocked. Short at first: most blocking sessions are other workers, which are
  /// done in a moment.
  std::chrono::milliseconds BlockedFor(int attempts) const;
};

}  // namespace membridge::sync
