#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace membridge::admin::api {

/// Counts failed logins per source address and in total, and blocks addresses with too many. The counts are in the process and
/// not in the database, so that many guesses do not cause many writes; several processes together therefore allow a few more.
/// While an address is blocked, correct tokens from it are refused, too; otherwise the limit would not stop guessing. The total
/// limit does not apply to addresses that signed in lately, so that unknown callers cannot block the operator. Thread-safe.
class Throttle {
 public:
  struct Limits {
    std::size_t per_source = 10;
    std::size_t in_all = 100;
    std::chrono::seconds window{60};
    std::chrono::seconds remembered{3600};  ///< how long the total limit does not apply to an address that signed in
    std::size_t most_sources = 10'000;      ///< the most addresses remembered at a time
  };
  using Steady = std::function<std::chrono::steady_clock::time_point()>;
  explicit Throttle(Limits limits, Steady now = {});

  /// Returns how long this address must wait; nothing when it may try.
  std::optional<std::chrono::seconds> ShutOut(const std::string& source);
  void NoteFailure(const std::string& source);
  void NoteSuccess(const std::string& source);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Window {
    Time began{};
    std::size_t failures = 0;
  };
  std::optional<std::chrono::seconds> LeftOf(const Window& window, std::size_t most, Time now) const;
  void Count(Window& window, Time now) const;
  void MakeRoom(Time now);

  const Limits limits_;
  const Steady now_;
  std::mutex mutex_;
  Window all_;                             // guarded by mutex_
  std::map<std::string, Window> sources_;  // guarded by mutex_
  std::map<std::string, Time> known_;      // guarded by mutex_
};

}  // namespace membridge::admin::api
