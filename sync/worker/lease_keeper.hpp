#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "sync/postgres/kept_session.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {

/// Renews the leases of a round while its work advances, so that no other worker takes the memories over and does the work
/// again. It does not renew a round that did not advance for a whole lease, and holds none longer than five minutes. It has its
/// own thread and its own connection, which it opens when the first renewal is due, a third of the lease after Hold(). One thread
/// must call Hold() and destroy what it returns.
class LeaseKeeper {
 public:
  static constexpr std::chrono::minutes kLongest{5};

  LeaseKeeper(std::string state_dsn, std::chrono::seconds lease);
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

  /// Holds the leases until it is destroyed.
  class Held {
   public:
    explicit Held(LeaseKeeper& keeper) : keeper_(keeper) {}
    ~Held() { keeper_.Release(); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    LeaseKeeper& keeper_;
  };
  /// Holds the leases of one round. Only one round at a time.
  [[nodiscard]] Held Hold(std::vector<Claim> claims);
  /// Notes that work of the round was done. Any thread may call it.
  void Advance();

 private:
  void Release();
  void Keep(const std::stop_token& stop);
  void Renew(const std::vector<Claim>& claims);

  const std::chrono::seconds lease_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Claim> claims_;                          // guarded by mutex_; empty: nothing is held
  std::chrono::steady_clock::time_point held_since_;   // guarded by mutex_
  std::uint64_t round_ = 0;                            // guarded by mutex_
  std::chrono::steady_clock::time_point advanced_at_;  // guarded by mutex_
  postgres::KeptSession session_;                      // the thread's
  std::jthread thread_;                                // last: it uses everything above
};

}  // namespace membridge::sync
