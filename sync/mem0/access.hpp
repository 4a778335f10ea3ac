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
/// Before the first call with a key, and every `every` after that, Mem0 is asked (ping) whose key it is. As long as that is
/// another project than the state knows, or Mem0 refuses the key, no other call is made: what another project does not have must
/// not pass for deleted.
class Access {
 public:
  enum class Standing {
    kUnknown,       ///< nobody could tell yet: Mem0 or the state database did not answer
    kRecognised,    ///< the key is the known project's
    kKeyRefused,    ///< Mem0 refuses the key
    kOtherProject,  ///< the key is another project's
  };
  struct State {
    Standing standing = Standing::kUnknown;
    Error error{};  ///< with kKeyRefused and kOtherProject: what happened and what to do
  };
  struct Options {
    std::string key;
    std::function<std::string()> read_key;  ///< the key as its file holds it now, "" when it cannot be read; may be empty
    /// Compares what ping answered with what the state knows: kUnauthorized means another project. May throw.
    std::function<Result<void>(const Account&)> recognise;
    std::function<void(const State&)> changed;  ///< called when the standing changed, from any thread; may be empty
    std::chrono::milliseconds every{30'000};    ///< how long a key that was recognised is not asked about again
    std::chrono::milliseconds again{2'000};     ///< the same for one that was not
  };
  using Ping = std::function<Result<Account>(const std::string& key)>;

  explicit Access(Options options);

  std::string Key() const;
  /// Whether a call may be made now; asks by `ping` when that is due, one thread at a time. kUnauthorized: the key is refused or
  /// another project's. kUnavailable: nobody could tell.
  Result<void> Admit(const Ping& ping);
  /// Mem0 refused this key in a call. True: the key was read again and is another one now, so that the call can be repeated.
  bool WasRefused(const std::string& key, const Error& error);
  /// Reads the key again. True: it is another one.
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
