#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/counters.hpp"
#include "sync/worker/reader.hpp"
#include "sync/worker/work_item.hpp"

namespace membridge::sync {

/// Reads what a round claimed: from the mirror where that is enough, else from Mem0. For one thread.
class RoundReader {
 public:
  /// Sessions and counters outlive it.
  RoundReader(ReaderOptions options, Reader::ClientFor client_for, WorkerCounters& counters, TiedSessions& sessions);

  /// How long every project's calls must wait for their turn.
  std::chrono::milliseconds NextTurn() const { return reader_.NextTurn(); }

  /// Fills what was read of each. `advance` is called after every answer of Mem0, from any thread. Mem0's failures are answers;
  /// throws postgres::SqlFailure when the state is away.
  void Read(std::vector<WorkItem>& items, const std::function<void()>& advance);

 private:
  void RefuseOtherProjects(std::vector<WorkItem>& items);
  void ReadFromMirror(std::vector<WorkItem>& items);
  void ReadFromMem0(const ProjectId& project, const std::vector<WorkItem*>& items, const std::function<void()>& advance);

  Reader reader_;
  TiedSessions& sessions_;
};

}  // namespace membridge::sync
