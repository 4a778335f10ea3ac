#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/runtime/reasons.hpp"
#include "mappings/base/id.hpp"
#include "sync/mem0/access.hpp"
#include "sync/mem0/client.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// A client for one command. Before its first call it asks whose key it is: of another project than the state knows nothing is
/// read, written or deleted (kUnauthorized, with the way out). `tries` and `timeout` as in Client::Options. `state` outlives it,
/// and is in no transaction while Mem0 is asked.
sync::mem0::Client ClientForCommand(const ProjectConfig& project, sync::postgres::Session& state, int tries = 1,
                                    std::chrono::milliseconds timeout = sync::mem0::Client::Options{}.timeout);

/// Makes Mem0 clients that share one call budget and one key per project, and count their calls. A key that Mem0 refuses, or that
/// belongs to another project than the state knows, is told in the log once, and no client makes a call with it.
/// Thread-safe; outlives what it makes.
class Mem0Clients {
 public:
  /// The state database remembers which project at Mem0 each of ours is.
  Mem0Clients(const Config& config, const std::string& state_dsn, Metrics& metrics);

  enum class Urgency {
    kLive,
    kInteractive,  ///< a person waits: as kLive, and gives up sooner
    kBackground,
  };
  /// nullptr for a project that is not in the configuration.
  std::unique_ptr<sync::mem0::Client> For(const ProjectId& project, Urgency urgency) const;

  /// The budget its clients share. Precondition: the project is in the configuration.
  const sync::mem0::CallBudget* BudgetOf(const ProjectId& project) const { return budgets_.at(project).get(); }

  /// `key_refused` and `other_project`: what keeps projects from being read now, as far as it is known. Makes no call.
  std::vector<Reason> Refusals() const;

  /// Reads every `api_key_file` again; a key that changed is used from the next call on.
  void ReadKeysAgain() const;

  /// From now on every client gives up the call it is in.
  void GiveUp() { give_up_ = true; }

 private:
  void Report(const std::string& project, const sync::mem0::CallReport& report) const;

  const Config& config_;
  Metrics& metrics_;
  std::map<ProjectId, std::shared_ptr<sync::mem0::CallBudget>> budgets_;
  std::map<ProjectId, std::shared_ptr<sync::mem0::Access>> access_;
  mutable std::mutex mutex_;
  mutable std::set<std::string> in_between_;  // guarded by mutex_: project/call whose last answer was not Mem0's
  std::atomic<bool> give_up_{false};
};

}  // namespace membridge::admin
