#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "mappings/base/result.hpp"
#include "sync/inbox/inbox.hpp"

namespace membridge::receiver {

/// Turns deliveries handed over by many into few transactions. A lane is a thread with an inbox of its own: it stores whatever
/// has queued in one Inbox::Accept, and meanwhile the next batch gathers: the previous commit is the batching window, there is no
/// timer. With two lanes the one's database works while the other's deliveries are read and answered; more only make smaller
/// batches. After a failure it goes on with what comes next.
class Committer {
 public:
  struct Limits {
    std::size_t max_queued = 20'000;          ///< deliveries waiting or being committed
    std::size_t max_queued_bytes = 64 << 20;  ///< of their bodies
    std::size_t max_batch = 1'000;            ///< deliveries in one transaction
    std::size_t max_batch_bytes = 16 << 20;   ///< and their bodies, unless one alone is larger
  };
  /// Called once per delivery on a lane's thread, after the commit or its failure; must not throw and should be quick.
  enum class Fate {
    kStored,
    kBefore,  ///< a replay: accepted before, and not stored again
  };
  using Done = std::function<void(const Result<Fate>&)>;
  /// Called on the lanes' threads, by several at once.
  struct Hooks {
    /// After every commit, before the Done calls: wake workers, note token uses.
    std::function<void(const std::vector<sync::Delivery>&)> on_committed{};
    /// After every attempt.
    std::function<void(std::size_t deliveries, std::chrono::duration<double> took, bool stored)> on_attempt{};
  };

  /// A lane for each of `inboxes`, which outlive the Committer and are each used from its lane's thread only.
  Committer(const std::vector<sync::Inbox*>& inboxes, Limits limits, Hooks hooks);
  ~Committer();  ///< as Stop()

  /// False when the queue is full or stopping; then nothing was taken, and `done` will not be called. Any thread; never blocks
  /// long.
  bool TryHandOver(sync::Delivery delivery, Done done);

  /// Takes nothing more, commits what has queued, and returns when every Done was called. May be called again.
  void Stop();

  /// Deliveries waiting or being committed.
  std::size_t Queued() const;
  /// How long the oldest of them has been waiting: large means the database is away or too slow.
  std::chrono::milliseconds Lag() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Waiting {
    sync::Delivery delivery;
    Done done;
    Time since;
  };
  struct Batch {
    std::vector<sync::Delivery> deliveries;
    std::vector<Done> done;
  };

  struct Lane {
    sync::Inbox* inbox;
    std::optional<Time> since{};  // guarded by mutex_; of the oldest in the batch being committed
    std::thread thread{};
  };

  void Run(Lane& lane);
  std::optional<Batch> NextBatch(Lane& lane);
  void Commit(Lane& lane, const Batch& batch);
  void CommitHalves(Lane& lane, const Batch& batch);
  Result<std::vector<DeliveryId>> Attempt(Lane& lane, const std::vector<sync::Delivery>& deliveries);

  const Limits limits_;
  const Hooks hooks_;
  std::atomic<bool> failing_ = false;  // whether the last attempt failed

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> queue_;     // guarded by mutex_
  std::size_t queued_bytes_ = 0;  // guarded by mutex_; of queue_
  std::size_t committing_ = 0;    // guarded by mutex_
  bool stopping_ = false;         // guarded by mutex_
  std::deque<Lane> lanes_;        // last: their threads use everything above
};

}  // namespace membridge::receiver
