#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// When tokens of the configuration were last used, by name, to within a minute. The state keeps names and times, and nothing of
/// the tokens. Threads: any, each with a session of its own.
class ConfiguredUse {
 public:
  /// Asks the database once a minute at most, and does without when it refuses: the token is right all the same.
  void Note(sync::postgres::Session& session, const std::string& name);
  /// By the database's clock. Throws postgres::SqlFailure.
  static std::map<std::string, Instant> List(sync::postgres::Transaction& transaction);

 private:
  std::mutex mutex_;
  std::map<std::string, std::chrono::steady_clock::time_point> noted_;  // guarded by mutex_
};

}  // namespace membridge::admin
