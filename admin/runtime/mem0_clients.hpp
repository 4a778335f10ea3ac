#pragma once

#include <atomic>
#include <map>
#include <memory>

#include "admin/config/config.hpp"
#include "admin/runtime/metrics.hpp"
#include "mappings/base/id.hpp"
#include "sync/mem0/client.hpp"

namespace membridge::admin {

/// Makes Mem0 clients that share one call budget per project and count their calls. Thread-safe; outlives what it makes.
class Mem0Clients {
 public:
  Mem0Clients(const Config& config, Metrics& metrics);

  enum class Urgency {
    kLive,
    kInteractive,  ///< a person waits: as kLive, and gives up sooner
    kBackground,
  };
  /// nullptr for a project that is not in the configuration.
  std::unique_ptr<sync::mem0::Client> For(const ProjectId& project, Urgency urgency) const;

  /// The budget its clients share. Precondition: the project is in the configuration.
  const sync::mem0::CallBudget* BudgetOf(const ProjectId& project) const { return budgets_.at(project).get(); }

  /// From now on every client gives up the call it is in.
  void GiveUp() { give_up_ = true; }

 private:
  const Config& config_;
  Metrics& metrics_;
  std::map<ProjectId, std::shared_ptr<sync::mem0::CallBudget>> budgets_;
  std::atomic<bool> give_up_{false};
};

}  // namespace membridge::admin
