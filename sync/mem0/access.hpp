#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "mappings/base/result.hpp"

namespace membridge::sync::mem0 {

struct Account;

/// The API key of one project, and whether it may be used. Shared by all clients of the project, in one process; thread-safe.
///
/// It asks Mem0 (ping) whose key it is: before the first call with a key, and again every `every`. No other call is made while
/// the key is another project's than the state knows, or while Mem0 refuses it. Otherwise memories that the other project does
/// not have would count as deleted.
class Access {
 public:
  enum class Standing {
    kUnknown,       ///< not known yet: Mem0 or the state database did not answer
    kRecognised,    ///< the key is the known project's
    kKeyRefused,    ///< Mem0 refuses the key
    kOtherProject,  ///< the key is another project's
  };
  /// The standing of the key, and what is wrong with it.
  struct State {
    Standing standing = Standing::kUnknown;
    Error error{};  ///< with kKeyRefused and kOtherProject: what happened and what to do
  };
  struct Options {
    std::string key;
    std::function<std::string()> read_key;  ///< the key as its file holds it now, "" when it cannot be read; may be empty
    /// Compares the pinged account with the known one: kUnauthorized means another project. May throw.
    std::function<Result<void>(const Account&)> recognise;
    std::function<void(const State&)> changed;  ///< called when the standing changed, from any thread; may be empty
    std::chrono::milliseconds every{30'000};    ///< how long the answer for a recognised key holds
    std::chrono::milliseconds again{2'000};     ///< how long any other answer holds
  };
  using Ping = std::function<Result<Account>(const std::string& key)>;

  explicit Access(Options options);

  std::string Key() const;
  /// Tells whether a call may be made now. Calls `ping` when that is due, one thread at a time. kUnauthorized: Mem0 refuses the
  /// key, or it is another project's. kUnavailable: it could not be found out; try later.
  Result<void> Admit(const Ping& ping);
  /// Call when Mem0 refused this key. Returns true when the key's file now holds another one, so that the call can be repeated.
  bool WasRefused(const std::string& key, const Error& error);
  /// Reads the key again. Returns true when it is another one.
  bool ReadKeyAgain();
  State Now() const;

 private:
  using Steady = std::chrono::steady_clock;
  void Conclude(const std::string& key, const State& state);
  bool IsFresh() const;
  Result<void> Verdict() const;

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable asked_;
  std::string key_;                                // guarded by mutex_
  State state_;                                    // guarded by mutex_
  bool asking_ = false;                            // guarded by mutex_
  std::optional<Steady::time_point> fresh_until_;  // guarded by mutex_; nothing: to be asked about
};

}  // namespace membridge::sync::mem0
