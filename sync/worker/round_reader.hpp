#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/counters.hpp"
#include "sync/worker/reader.hpp"
#include "sync/worker/work_item.hpp"

namespace membridge::sync {

/// Reads the memories that a round claimed: from the mirror where that is enough, else from Mem0. For one thread.
class RoundReader {
 public:
  /// Sessions and counters outlive it.
  RoundReader(ReaderOptions options, Reader::ClientFor client_for, WorkerCounters& counters, TiedSessions& sessions);

  /// How long a call for any project must wait at least for its turn.
  std::chrono::milliseconds NextTurn() const { return reader_.NextTurn(); }

  /// Fills in what was read of each. Calls `advance` after every answer of Mem0, from any thread. A failure of Mem0's is an
  /// answer too. Throws postgres::SqlFailure when the state is away.
  void Read(std::vector<WorkItem>& items, const std::function<void()>& advance);

 private:
  void RefuseOtherProjects(std::vector<WorkItem>& items);
  void ReadFromMirror(std::vector<WorkItem>& items);
  void ReadFromMem0(const ProjectId& project, const std::vector<WorkItem*>& items, const std::function<void()>& advance);

  Reader reader_;
  TiedSessions& sessions_;
};

}  // namespace membridge::sync
