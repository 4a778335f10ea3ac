#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/mapping_files/checked_mappings.hpp"
#include "admin/runtime/databases.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/runtime/periodic.hpp"
#include "admin/runtime/reasons.hpp"
#include "mappings/base/diagnostic.hpp"
#include "mappings/base/time.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::admin {

/// The mappings in force. New files take over all together, when a file has changed and then stays the same for a moment, or when
/// a person asks. Files with errors, or that do not fit the tables, change nothing: the last good mappings stay in force.
/// Threads: one of its own; all functions from any.
class LiveMappings {
 public:
  /// How often the files are checked for changes.
  static constexpr std::chrono::milliseconds kLook{500};

  /// `config` and `databases` outlive it.
  LiveMappings(const Config& config, const Databases& databases, CheckedMappings first, const Clock& clock);

  /// Returns a snapshot. A worker keeps one snapshot for its whole round.
  std::shared_ptr<const sync::MappingSet> Get() const;
  /// Returns the mappings in force with their files' text and tables, and the files that were refused since.
  MappingsInForce InForce() const;

  /// Makes the next look load the files again, changed or not, and read the tables again.
  void RequestReload() { requested_ = true; }

  /// Reads the targets' tables now, because a statement found them changed; blocks until it is done. Changed tables take over as
  /// after RequestReload(). When nothing changed, or the tables cannot be read now, the mappings in force stay.
  void LookAtTables();

  /// Returns `{"ok":true}`, or `{"ok":false,"message":…}` while files on disk are refused.
  nlohmann::json Standing() const;
  /// Returns the reason `mappings_refused` while files on disk are refused.
  std::vector<Reason> Refusals() const;
  void AddTo(Metrics& metrics) const;

 private:
  using Prints = std::map<std::string, std::string>;  // of each file: equal as long as nobody wrote it

  Prints Look() const;
  std::chrono::milliseconds Round();
  void TakeOver(CheckedMappings next, const mappings::Diagnostics& problems);
  void Keep(mappings::Diagnostics problems);

  const Config& config_;
  const Databases& databases_;
  const Clock& clock_;
  std::mutex looking_;  // held while files and tables are read and take over
  std::atomic<bool> requested_{false};
  std::atomic<std::uint64_t> taken_{0}, refused_{0}, unavailable_{0};
  std::atomic<Instant> taken_at_;
  std::atomic<bool> degraded_{false};
  Prints tried_;  // of the files as they were loaded last; the thread's own, like seen_
  Prints seen_;   // at the last look
  mutable std::mutex mutex_;
  std::shared_ptr<const CheckedMappings> current_;  // guarded by mutex_
  std::optional<RefusedMappings> refusal_;          // guarded by mutex_
  std::optional<Periodic> thread_;                  // last: it uses everything above
};

}  // namespace membridge::admin
