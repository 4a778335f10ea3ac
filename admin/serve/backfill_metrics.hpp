#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "admin/runtime/metrics.hpp"
#include "admin/runtime/periodic.hpp"
#include "admin/runtime/reasons.hpp"
#include "mappings/base/time.hpp"
#include "sync/schedule/backfill_status.hpp"

namespace membridge::admin {

/// Exports metrics of the runs of exports and sweeps from the state database, whichever process or command worked on them. Every
/// process of a database exports the same values, so dashboards must take the maximum over instances and not the sum.
class BackfillMetrics {
 public:
  /// Reads the database every two seconds. `metrics` and `clock` outlive this object, or Metrics::Forget() is called first.
  BackfillMetrics(std::vector<sync::Backfill> entries, std::string state_dsn, const Clock& clock, Metrics& metrics);

  /// Returns full sweeps that ended without a conclusion, for /readyz. Threads: any.
  std::vector<Reason> Troubles() const;

 private:
  struct Look {
    std::vector<sync::BackfillTotals> totals;
    std::vector<sync::Standing> standings;
    std::map<std::string, std::int64_t> parked_users;  // by mapping
    std::vector<sync::FailedSweep> without_conclusion;
  };

  std::chrono::milliseconds LookOnce();
  Look Last() const;
  void Watch(Metrics& metrics);

  const std::vector<sync::Backfill> entries_;
  const std::string state_dsn_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  Look last_;                       // guarded by mutex_
  std::optional<Periodic> thread_;  // last: it uses everything above
};

}  // namespace membridge::admin
