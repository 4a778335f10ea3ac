#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "admin/config/config.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/runtime/periodic.hpp"
#include "mappings/base/time.hpp"
#include "sync/queue/wake_up.hpp"

namespace membridge::admin {

/// Keeps the state database tidy, once a minute: partitions of `deliveries` for the days ahead, retention of deliveries, parked
/// memories, runs of backfills and expired tokens, and dirty marks for memories whose last day has passed. Several processes may
/// do it at once.
class Housekeeping {
 public:
  /// Makes the partitions of today before it returns; throws postgres::SqlFailure when the database is away.
  Housekeeping(const Config& config, std::string state_dsn, const Clock& clock, Metrics& metrics, sync::WakeUp& wake_up);

 private:
  void Tidy(const std::stop_token& stop);

  const Config& config_;
  const std::string state_dsn_;
  const Clock& clock_;
  Metrics& metrics_;
  sync::WakeUp& wake_up_;
  std::optional<Periodic> thread_;  // last: it uses everything above
};

}  // namespace membridge::admin
