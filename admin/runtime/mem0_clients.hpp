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
#include "sync/source/table_records.hpp"

namespace membridge::admin {

/// The name of a source's table, which the configuration has checked.
sync::source::TableName TableOf(const SourceConfig& source);

/// Makes a client for one command, of a project at the Platform. Before its first call it asks Mem0 which project the key belongs
/// to. When that is not the project that the state knows, every call fails with kUnauthorized and a hint. `tries` and `timeout`
/// are as in Client::Options. `state` outlives the client and must not be in a transaction during calls.
sync::mem0::Client ClientForCommand(const ProjectConfig& project, sync::postgres::Session& state, int tries = 1,
                                    std::chrono::milliseconds timeout = sync::mem0::Client::Options{}.timeout);

/// Makes what reads the project's memories, for one command: a client as above, or a reader of the source's table.
std::unique_ptr<sync::mem0::Records> RecordsForCommand(const ProjectConfig& project, sync::postgres::Session& state,
                                                       int tries = 1);
/// Which Mem0 project, or which table, belongs to the configured project. Makes one call.
Result<sync::mem0::Account> AccountOf(const ProjectConfig& project, int tries = 1,
                                      std::chrono::milliseconds timeout = sync::mem0::Client::Options{}.timeout);

/// Makes Mem0 clients that share one call budget and one key per project and count their calls. A key that Mem0 refuses, or that
/// belongs to another project than the state knows, is logged once, and no client makes calls with it. Thread-safe. It outlives
/// the clients that it makes.
class Mem0Clients {
 public:
  /// The state database remembers which Mem0 project belongs to each project.
  Mem0Clients(const Config& config, const std::string& state_dsn, Metrics& metrics);

  enum class Urgency {
    kLive,
    kInteractive,  ///< a person waits: like kLive, but gives up sooner
    kBackground,
  };
  /// nullptr for a project that is not in the configuration or not at the Platform.
  std::unique_ptr<sync::mem0::Client> For(const ProjectId& project, Urgency urgency) const;
  /// What reads the memories of a project: the Platform's API, or the table of a Mem0 of one's own. nullptr for a project that is
  /// not in the configuration.
  std::unique_ptr<sync::mem0::Records> RecordsFor(const ProjectId& project, Urgency urgency) const;

  /// Returns the budget that the project's clients share. Precondition: the project is in the configuration.
  const sync::mem0::CallBudget* BudgetOf(const ProjectId& project) const { return budgets_.at(project).get(); }

  /// Returns the reasons `key_refused` and `other_project` of projects that cannot be read now, as far as known. Makes no call.
  std::vector<Reason> Refusals() const;

  /// Reads every `api_key_file` again. A changed key is used from the next call on.
  void ReadKeysAgain() const;

  /// Makes every client give up its current call, and all later ones.
  void GiveUp() { give_up_ = true; }

 private:
  void Report(const std::string& project, const sync::mem0::CallReport& report) const;

  const Config& config_;
  const std::string state_dsn_;
  Metrics& metrics_;
  std::map<ProjectId, std::shared_ptr<sync::mem0::CallBudget>> budgets_;
  std::map<ProjectId, std::shared_ptr<sync::mem0::Access>> access_;
  mutable std::mutex mutex_;
  mutable std::set<std::string> in_between_;  // guarded by mutex_: project/call whose last answer was not Mem0's
  std::atomic<bool> give_up_{false};
};

}  // namespace membridge::admin
