#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace membridge::sync {

/// The NOTIFY channel that tells other processes that a bucket went from empty to due.
inline constexpr const char* kDueChannel = "membridge_due";

/// Wakes waiting workers: on Poke(), on a notice from another process, or when their patience ends. It only makes waiting
/// shorter: a wake-up may come without work, and one may be missed, so every worker looks for work when its wait is over.
///
///     std::uint64_t seen = wake_up.Pokes();      // before looking for work: what comes after this ends the wait
///     if (nothing is due) wake_up.Wait(seen, 1s, stop);
///
/// Threads: every function from any.
class WakeUp {
 public:
  /// With a DSN, a thread LISTENs there on a session of its own and connects again whenever it is lost. Without one, and behind a
  /// pooler (postgres::UsePoolers), only Poke() and the clock wake.
  explicit WakeUp(std::optional<std::string> listen_dsn = std::nullopt);
  ~WakeUp();  ///< within a quarter of a second, or as long as a connection attempt under way takes
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  /// Tells that something may be due: ends every Wait() whose `seen` was read before.
  void Poke();
  std::uint64_t Pokes() const;
  /// Returns true at once or as soon as Poke() was called after `seen` was read, false after `patience` or a requested stop.
  bool Wait(std::uint64_t seen, std::chrono::milliseconds patience, const std::stop_token& stop);

  /// Whether the thread listens for notices now; for `/readyz` and tests.
  bool Listening() const;

 private:
  void ListenUntil(const std::stop_token& stop, const std::string& dsn);

  mutable std::mutex mutex_;
  mutable std::condition_variable_any poked_;
  std::uint64_t pokes_ = 0;  // guarded by mutex_
  bool listening_ = false;   // guarded by mutex_
  std::jthread listener_;    // last: it uses everything above
};

}  // namespace membridge::sync
