#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/runtime/periodic.hpp"
#include "admin/runtime/reasons.hpp"
#include "mappings/base/time.hpp"
#include "sync/feed/control.hpp"
#include "sync/feed/position.hpp"
#include "sync/feed/poster.hpp"

namespace membridge::admin {

/// Posts the changes of targets to the endpoints of `feeds`. Of several processes one posts to an endpoint at a time (a lease in
/// the state database); its position is in the target. Nothing is posted from a target whose ledger belongs to another state.
/// Reports in the metrics membridge_feed_*, in the log, and as the reason `feed_stuck` when an endpoint is dead or has failed for
/// a while. Threads: one per feed.
class FeedPosting {
 public:
  /// Everything referred to outlives it.
  FeedPosting(const Config& config, std::string state_dsn, const Clock& clock, Metrics& metrics, Reasons& reasons);
  ~FeedPosting();

  void RequestStop();

 private:
  class Line;
  void WatchIn(Metrics& metrics);

  std::mutex mutex_;
  std::map<std::string, sync::FeedStanding> standings_;  // guarded by mutex_; of the feeds that this process posts
  std::vector<std::unique_ptr<Line>> lines_;
  std::vector<std::unique_ptr<Periodic>> threads_;  // last: they use everything above
};

}  // namespace membridge::admin
