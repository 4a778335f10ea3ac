#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace membridge::admin::api {

/// Failed logins, counted per source address and in all. It is counted in the process, not in the database: a flood of guesses
/// must not become a flood of writes, and several processes together let pass a few more. While an address is shut out, right
/// tokens from it are not looked at either, or the limit would not limit guessing. The limit over all addresses spares those that
/// signed in lately, so that strangers cannot shut out the operator. Thread-safe.
class Throttle {
 public:
  struct Limits {
    std::size_t per_source = 10;
    std::size_t in_all = 100;
    std::chrono::seconds window{60};
    std::chrono::seconds remembered{3600};  ///< how long an address that signed in is spared the limit over all
    std::size_t most_sources = 10'000;      ///< remembered at a time
  };
  using Steady = std::function<std::chrono::steady_clock::time_point()>;
  explicit Throttle(Limits limits, Steady now = {});

  /// How long this address must wait; nothing: it may try.
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
