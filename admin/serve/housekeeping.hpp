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

/// Maintains the state database once a minute. It makes partitions of `deliveries` for the next days, deletes old deliveries,
/// parked memories, backfill runs, entries of the targets' change feeds and expired tokens, and marks memories dirty whose last
/// day has passed. Several processes may do it at once. Threads: one of its own.
class Housekeeping {
 public:
  /// Makes today's partitions before it returns. Throws postgres::SqlFailure when the database is away. Everything referred to
  /// outlives it.
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
