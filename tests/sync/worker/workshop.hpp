#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sync/inbox/inbox.hpp"
#include "sync/mem0/access.hpp"
#include "sync/mem0/client.hpp"
#include "sync/worker/worker.hpp"
#include "tests/support/mem0_sim.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge::test {

/// A local Mem0, an inbox, target tables with mapping files, and workers driven by hand: `serve` without its threads.
class Workshop {
 public:
  enum class Tables {
    kWithState,  ///< target tables in the state database: one transaction covers rows and queue
    kElsewhere,  ///< in a database of their own
  };
  Workshop(const std::string& schema_sql, const std::map<std::string, std::string>& mappings, Tables tables = Tables::kWithState);

  /// Other mapping files take over.
  void Remap(const std::map<std::string, std::string>& mappings);

  /// A delivery that tells these things of memories, ready to be accepted: each has an id of its own.
  using Telling = std::pair<std::string, std::string>;  ///< `ADD`, memory id
  sync::Delivery DeliveryOf(const std::vector<Telling>& tellings);
  void Accept(const std::vector<sync::Delivery>& deliveries);
  void Deliver(const std::string& type, const std::string& memory) { Accept({DeliveryOf({{type, memory}})}); }

  std::unique_ptr<sync::Worker> NewWorker();
  void Work();  ///< until nothing is dirty
  /// The same with four workers at once, which begin before `meanwhile` is done.
  void WorkTogether(const std::function<void()>& meanwhile);

  const PgDatabase& Target() const { return elsewhere_ ? *elsewhere_ : db; }
  std::vector<std::string> Column(const std::string& query) const;  ///< of the target's tables

  const PgDatabase db;
  Mem0Sim sim;
  sync::WorkerOptions options;  ///< of workers made later
  sync::WorkerCounters counters;
  std::function<void()> look_at_tables;        ///< of workers made later; nothing: the tables are as they were at Remap()
  std::shared_ptr<sync::mem0::Access> access;  ///< of workers made later; nothing: the simulator's key, always

 private:
  bool NothingLeft() const;  ///< everything is folded, and nothing dirty

  std::unique_ptr<PgDatabase> elsewhere_;
  std::shared_ptr<const sync::MappingSet> mappings_;
  std::shared_ptr<sync::mem0::CallBudget> budget_;
  SystemClock clock_;
  int deliveries_ = 0;
};

}  // namespace membridge::test
