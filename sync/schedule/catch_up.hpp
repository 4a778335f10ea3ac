#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/backfill/run.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Queues a sweep for projects that may have missed deliveries: while no process listened, before the webhook existed, or because
/// a standby took over that lacks some. A project wants the sweep until one was done. Within one transaction, which outlives it.
/// Functions throw postgres::SqlFailure; times are by the database's clock, unless said otherwise.
class CatchUp {
 public:
  explicit CatchUp(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Notes that this process takes deliveries now. `process` is its own UUID.
  void Beat(const std::string& process);
  /// Notes that it takes no more.
  void Leave(const std::string& process);
  /// Whether another process took deliveries already before this one did, and beat within the last kSilence. When two start at
  /// once, this holds for only one of them.
  bool AnotherListens(const std::string& process);
  /// Whether another process has beaten since this moment: then it certainly lives.
  bool AnotherListenedSince(const std::string& process, Instant moment);
  Instant Now();

  /// Whether another server has taken over the database since the last call of any process: a standby was promoted, or a backup
  /// with its archive restored. True for one caller. What the former server had not passed on is missing then, whoever
  /// acknowledged it.
  bool AnotherServerTookOver();

  /// What a wanted sweep looks for.
  enum class Extent {
    kChanges,  ///< what changed since the last sweep
    kAll       ///< every memory, and those that are gone
  };
  /// Wants a sweep of the project that begins after this moment. Wanting twice gives one sweep, of the larger extent.
  void Want(const ProjectId& project, std::string_view reason, Extent extent = Extent::kChanges);

  /// A catch-up run that was queued.
  struct Queued {
    ProjectId project;
    std::int64_t run = 0;
    std::string reason;
  };
  /// Queues the wanted sweeps, unless such a run is under way already, since that one began earlier. Forgets wanted sweeps that
  /// were done or cancelled. After a failed run it queues another, at first minutes later. `now` is by the scheduler's clock.
  std::vector<Queued> Queue(Instant now);

  /// A wanted sweep: it must begin after `since`.
  struct Wanted {
    Instant since;
    std::string reason;
  };
  /// Returns what the project wants; nothing when no delivery can have been missed.
  std::optional<Wanted> Of(const ProjectId& project);

  /// The name of a project's catch-up runs.
  static std::string NameOf(const ProjectId& project) { return "catch-up " + project.Text(); }

 private:
  std::chrono::seconds AfterFailures(const std::string& name);
  Result<std::int64_t> Unbegun(const Run& run);

  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
