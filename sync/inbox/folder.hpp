#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "sync/inbox/fold.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/wake_up.hpp"

namespace membridge::sync {

/// Counts what the folder of this process did. Thread-safe.
struct FoldCounters {
  std::atomic<std::uint64_t> deliveries{0};  ///< folded by this process
  std::atomic<std::uint64_t> folds{0};       ///< that found something
  std::atomic<std::uint64_t> failures{0};    ///< the database was away, or the fold failed for another reason than a delivery
  std::atomic<std::uint64_t> parked{0};      ///< deliveries that could not be folded
};

/// Folds the journal in a thread of its own: at the start, after each Poke(), and every `poll` for deliveries of processes that
/// died before they told. Any number of processes may have a folder; one of them folds at a time.
class Folder {
 public:
  /// `wake_up` outlives the folder and is poked when workers have something to do.
  Folder(std::string dsn, std::chrono::milliseconds poll, WakeUp& wake_up);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// Tells that this transaction stored deliveries and is committed (0: a transaction whose number is not known). May be called
  /// from any thread; never waits for the database.
  void Poke(std::uint64_t transaction);

  const FoldCounters& Counters() const { return counters_; }

 private:
  void Run(const std::stop_token& stop);
  /// Folds until everything this process was poked for is folded.
  void FoldWanted(postgres::Session& session, const std::stop_token& stop);
  bool AwaitBreath(const std::stop_token& stop) const;
  /// Notes what is folded by a fold that began after those transactions were committed.
  bool HasMore(const Folded& folded, const std::set<std::uint64_t>& poked);

  const std::string dsn_;
  const std::chrono::milliseconds poll_;
  WakeUp& wake_up_;
  FoldCounters counters_;
  std::chrono::steady_clock::time_point ready_at_{};  // of the thread: no fold before
  std::mutex mutex_;
  std::condition_variable_any poked_;
  std::set<std::uint64_t> wanted_;  // guarded by mutex_; transactions not known to be folded
  bool any_ = true;                 // guarded by mutex_; Poke(0) was called, or the thread has just begun
  std::jthread thread_;             // last: it uses everything above
};

}  // namespace membridge::sync
