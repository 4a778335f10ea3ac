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

/// Stores the deliveries of many I/O threads in few transactions. Each lane is a thread with its own inbox. It stores everything
/// that has queued in one Inbox::Accept; deliveries that arrive during this commit form the next batch, so there is no timer.
/// With two lanes, one lane's database works while the other lane's deliveries are read and answered. More lanes would only make
/// smaller batches. After a failure the lane goes on with the next batch.
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
    kBefore,  ///< a replay: it was accepted before and is not stored again
  };
  using Done = std::function<void(const Result<Fate>&)>;
  /// Called on the lanes' threads, so possibly by several at once.
  struct Hooks {
    /// Called after every commit and before the Done calls, to wake workers and note token uses.
    std::function<void(const std::vector<sync::Delivery>&)> on_committed{};
    /// Called after every attempt, successful or not.
    std::function<void(std::size_t deliveries, std::chrono::duration<double> took, bool stored)> on_attempt{};
  };

  /// Starts one lane per inbox. The inboxes outlive the Committer; each is used from its lane's thread only.
  Committer(const std::vector<sync::Inbox*>& inboxes, Limits limits, Hooks hooks);
  ~Committer();  ///< as Stop()

  /// Queues a delivery. Returns false when the queue is full or stopping; then `done` will not be called. Any thread; never
  /// blocks long.
  bool TryHandOver(sync::Delivery delivery, Done done);

  /// Takes no more deliveries, commits those that have queued, and returns when every Done was called. May be called again.
  void Stop();

  /// Returns how many deliveries wait or are being committed. Any thread.
  std::size_t Queued() const;
  /// Returns how long the oldest of them has waited. A large value means that the database is away or too slow. Any thread.
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
