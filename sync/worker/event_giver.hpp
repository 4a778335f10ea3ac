#pragma once

#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sync/inbox/events.hpp"
#include "sync/worker/batch.hpp"
#include "sync/worker/work_item.hpp"

namespace membridge::sync {

/// Gives the waiting events of the memories that were read to the mappings `from: event`. Functions throw postgres::SqlFailure.
class EventGiver {
 public:
  /// `read_lag` as in WorkerOptions. Everything referred to outlives it.
  EventGiver(std::chrono::milliseconds read_lag, Batch& batch, const MappingSet::Project& mapped)
      : read_lag_(read_lag), batch_(batch), mapped_(mapped) {}

  /// Call it after Decider has decided each memory. Events that cannot be given yet stay, and their memory stays dirty.
  void Give(const std::vector<WorkItem*>& items);

 private:
  /// What to do with an event, by what is known of its memory.
  enum class Hearing { kTooEarly, kCounts, kNoSuchMemory, kStillThere };
  /// An event that counts.
  struct Told {
    const WorkItem* item;
    Event event;
    std::vector<std::string> refused_by{};  // mappings, in this batch

    Source AsSource() const;
    bool IsFor(const std::string& mapping) const;
  };

  Hearing Hear(const WorkItem& item, const Event& event) const;
  std::vector<Told> Hear(const std::vector<WorkItem*>& items);
  void GiveTo(const MappingSet::Target& target, const Applier& applier, std::vector<Told>& told);

  const std::chrono::milliseconds read_lag_;
  Batch& batch_;
  const MappingSet::Project& mapped_;
  std::vector<std::pair<Claim, Event>> settled_;
  std::set<std::string> mappings_;  // that events were given to, or were parked for
};

}  // namespace membridge::sync
