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

/// The mappings in force. Others take over as a whole when a file changed and stays as it is for a moment, or when a person asks;
/// what has errors, or what the tables refuse, changes nothing, and the last good ones stay in force. Threads: one of its own;
/// everything else from any.
class LiveMappings {
 public:
  /// How often the files are looked at.
  static constexpr std::chrono::milliseconds kLook{500};

  /// `config` and `databases` outlive it.
  LiveMappings(const Config& config, const Databases& databases, CheckedMappings first, const Clock& clock);

  /// A snapshot: a round of a worker keeps the one it began with.
  std::shared_ptr<const sync::MappingSet> Get() const;
  /// The same with their files' text and tables, and what was refused since.
  MappingsInForce InForce() const;

  /// Loads the files again at the next look, changed or not, and looks at the tables anew.
  void RequestReload() { requested_ = true; }

  /// Reads the targets' tables now, since a statement found them other than they are known; blocks as long as that takes. What
  /// changed takes over as after RequestReload(); what is the same, or cannot be read now, stays in force. From any thread.
  void LookAtTables();

  /// `{"ok":true}`, or `{"ok":false,"message":…}` while files that were refused stand on the disk.
  nlohmann::json Standing() const;
  /// `mappings_refused` while such files stand there.
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
