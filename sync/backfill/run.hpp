#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"

namespace membridge::sync {

enum class BackfillKind { kExport, kIncrementalSweep, kFullSweep };
/// `export`, `incremental_sweep`, `full_sweep`
std::string_view NameOf(BackfillKind kind);

enum class RunState { kQueued, kRunning, kPaused, kCancelled, kDone, kFailed };
/// `queued`, `running`, …
std::string_view NameOf(RunState state);

/// What a run must do. Its row keeps the options, so that every process that goes on with the run does the same.
struct RunOptions {
  bool dry_run = false;              ///< looks and counts; changes neither rows nor Mem0
  bool full = false;                 ///< exports: every user, changed or not
  bool profiles = false;             ///< exports: reads Mem0's User Profiles instead of asking for exports
  bool allow_vanishing = false;      ///< full sweep: many memories may be missing at once
  std::string mapping;               ///< exports: its name
  std::string instructions;          ///< exports: replace the mapping's usual ones
  std::chrono::seconds deadline{0};  ///< exports: how long one may take to become ready; zero: the default
  std::optional<Instant> since;      ///< incremental sweep: replaces the watermark

  nlohmann::json AsJson() const;
  static RunOptions FromJson(const nlohmann::json& json);
};

/// How far a run has come.
struct Progress {
  std::int64_t done = 0;              ///< memories of a sweep, users of an export
  std::optional<std::int64_t> total;  ///< as far as it is known
  double per_second = 0;              ///< while a process worked on the run, waits for Mem0 included
  std::optional<std::chrono::seconds> left;

  /// 0 to 1; nothing while the total is unknown.
  std::optional<double> Share() const;
};

/// A run, as its row holds it. `counters` by name:
/// sweeps: `calls seen changed loaded repaired_added repaired_updated repaired_deleted left_to_workers parked missing walks
/// unreadable`; exports: `calls users unchanged asked repeated polls applied parked failed expired extra_keys withdrawn`.
struct Run {
  std::int64_t id = 0;
  std::string name;
  ProjectId project;
  BackfillKind kind = BackfillKind::kFullSweep;
  RunState state = RunState::kQueued;
  RunOptions options;
  std::optional<Instant> scheduled_for;  ///< nothing: a person asked for it
  Instant due_at;
  Instant queued_at;
  std::optional<Instant> started_at, finished_at;
  nlohmann::json cursor = nlohmann::json::object();
  nlohmann::json counters = nlohmann::json::object();
  std::int64_t done = 0;
  std::optional<std::int64_t> total;
  std::chrono::milliseconds worked{0};
  std::string wanted;  ///< `pause`, `cancel` or empty
  std::string holder;
  std::int64_t fence = 0;
  int failures = 0;   ///< in a row
  std::string error;  ///< why it failed, why it waits, or what it could not finish; safe to log

  bool Active() const { return state == RunState::kQueued || state == RunState::kRunning || state == RunState::kPaused; }
  Progress HowFar() const;
  std::int64_t Counter(const std::string& counter) const { return counters.value(counter, std::int64_t{0}); }
  void Count(const std::string& counter, std::int64_t by) { counters[counter] = Counter(counter) + by; }
};

}  // namespace membridge::sync
