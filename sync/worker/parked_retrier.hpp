#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::sync {

/// Marks parked memories dirty when they are due: at once when the mappings or tables changed or this worker wrote rows that they
/// depend on, else by the clock. For one thread; everything referred to outlives it.
class ParkedRetrier {
 public:
  ParkedRetrier(std::chrono::seconds look_every, TiedSessions& sessions, const MappingsInForce& mappings);

  /// Notes that the worker changed rows of these tables, `schema.name`: memories parked for them become due.
  void NoteWritten(const std::set<std::string>& tables) { written_.insert(tables.begin(), tables.end()); }

  /// Marks due memories, when it is time to look. Throws postgres::SqlFailure.
  void Retry();

 private:
  const std::chrono::seconds look_every_;
  TiedSessions& sessions_;
  const MappingsInForce& mappings_;
  std::chrono::steady_clock::time_point looked_at_;
  std::set<std::string> written_;                  // until the memories parked for them were made due
  std::shared_ptr<const MappingSet> tried_under_;  // parked memories were tried, or will be, under these mappings and tables
};

}  // namespace membridge::sync
