#pragma once

#include <chrono>
#include <string>

#include "mappings/base/result.hpp"
#include "sync/backfill/run.hpp"

namespace membridge::sync {

/// The work of one run, page by page. It owns its connections and its Mem0 client; for one thread. Everything it must remember
/// stands in the run's cursor or in the database, so that another Job, in another process, can go on after any step.
class Job {
 public:
  virtual ~Job() = default;

  struct Step {
    bool over = false;                  ///< there is nothing left to do
    std::chrono::milliseconds wait{0};  ///< before the next step is of any use
    std::string wanted;                 ///< of the run, as RunStore::Commit answered
  };
  /// Does the next page's worth of work, and commits it together with the run's row (RunStore::Commit). kUnavailable: `run` is as
  /// it was last committed, and the step may be tried later; any other error ends the run. Throws postgres::SqlFailure and
  /// RunLost. Blocks for one Mem0 call and one transaction.
  virtual Result<Step> Next(Run& run) = 0;
};

}  // namespace membridge::sync
