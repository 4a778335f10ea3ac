#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "mappings/result.hpp"
#include "sync/inbox.hpp"

namespace membridge::receiver {

/// Turns deliveries handed over by many into few transactions. One thread stores whatever has queued in one Inbox::Accept, and
/// meanwhile the next batch gathers: the previous commit is the batching window, there is no timer. After a failure it goes on
/// with what comes next.
class Committer {
 public:
  struct Limits {
    std::size_t max_queued = 20'000;          ///< deliveries waiting or being committed
    std::size_t max_queued_bytes = 64 << 20;  ///< of their bodies
    std::size_t max_batch = 1'000;            ///< deliveries in one transaction
    std::size_t max_batch_bytes = 16 << 20;   ///< and their bodies, unless one alone is larger
  };
  /// Called once per delivery on the committer's thread, after the commit or its failure; must not throw and should be quick.
  enum class Fate {
    kStored,
    kBefore,  ///< a replay: accepted before, and not stored again
  };
  using Done = std::function<void(const Result<Fate>&)>;
  struct Hooks {
    /// After every commit, before the Done calls: wake workers, note token uses.
    std::function<void(const std::vector<sync::Delivery>&)> on_committed{};
    /// After every attempt.
    std::function<void(std::size_t deliveries, std::chrono::duration<double> took, bool stored)> on_attempt{};
  };

  /// `inbox` outlives the Committer, and is used from its thread only.
  Committer(sync::Inbox& inbox, Limits limits, Hooks hooks);
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

  void Run();
  std::optional<Batch> NextBatch();
  void Commit(const Batch& batch);
  void CommitHalves(const Batch& batch);
  Result<std::vector<DeliveryId>> Attempt(const std::vector<sync::Delivery>& deliveries);

  sync::Inbox& inbox_;
  const Limits limits_;
  const Hooks hooks_;
  bool failing_ = false;  // this thread only: whether the last attempt failed

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> queue_;             // guarded by mutex_
  std::size_t queued_bytes_ = 0;          // guarded by mutex_; of queue_ and the batch being committed
  std::size_t committing_ = 0;            // guarded by mutex_
  std::optional<Time> committing_since_;  // guarded by mutex_; of the oldest in the batch
  bool stopping_ = false;                 // guarded by mutex_
  std::thread thread_;
};

}  // namespace membridge::receiver
