#pragma once

#include <chrono>
#include <string>

#include "mappings/base/result.hpp"
#include "sync/backfill/run.hpp"

namespace membridge::sync {

/// Does the work of one run, page by page. It owns its connections and its Mem0 client; for one thread. It keeps everything it
/// must remember in the run's cursor or in the database, so that another Job, in another process, can go on after any step.
class Job {
 public:
  virtual ~Job() = default;

  /// The result of one step.
  struct Step {
    bool over = false;                  ///< the run has nothing left to do
    std::chrono::milliseconds wait{0};  ///< how long to wait before the next step
    std::string wanted;                 ///< what is wanted of the run, as RunStore::Commit() returned it
  };
  /// Does the next page's work and commits it together with the run's row (RunStore::Commit). kUnavailable: `run` is as last
  /// committed, and the step can be tried later. Any other error ends the run. Throws postgres::SqlFailure and RunLost. Blocks
  /// for one Mem0 call and one transaction.
  virtual Result<Step> Next(Run& run) = 0;
};

}  // namespace membridge::sync
