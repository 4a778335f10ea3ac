#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "admin/runtime/metrics.hpp"
#include "admin/runtime/periodic.hpp"

namespace membridge::admin {

/// Tells the newest entry of the audit outside the database: `audit_grew` in the log with its number and hash, and the number in
/// the metric membridge_audit_entries. Whoever keeps either notices when the database's owner cuts entries off. At the start it
/// also seals the chain, when there is a key and the newest entry is not sealed with it. Threads: one of its own.
class AuditWatch {
 public:
  /// `metrics` is forgotten before this object goes.
  AuditWatch(std::string state_dsn, Metrics& metrics);

 private:
  void Look();

  const std::string state_dsn_;
  std::mutex mutex_;
  std::optional<std::int64_t> entries_;  // guarded by mutex_
  std::string hash_;                     // of the newest entry that was told
  Periodic thread_;                      // last: it uses everything above
};

}  // namespace membridge::admin
