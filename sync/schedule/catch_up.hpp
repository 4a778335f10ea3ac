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
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Deliveries that nobody could take: while no process listened, and before the webhook existed. What changed at Mem0 in the
/// meantime is found by an incremental sweep, which a project wants until one of them was done. Within one transaction, which
/// outlives it. Functions throw postgres::SqlFailure; times are the database's clock, unless said otherwise.
class CatchUp {
 public:
  explicit CatchUp(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// This process takes deliveries now. `process` is a UUID of its own.
  void Beat(const std::string& process);
  /// It does so no longer.
  void Leave(const std::string& process);
  /// Whether another process has taken deliveries since before this one did, as far as is known: it said so within the last
  /// kSilence. Of two that start at once, only one looks to the other as if it had.
  bool AnotherListens(const std::string& process);
  /// Whether one of them has said so since this moment: then it surely lives.
  bool AnotherListenedSince(const std::string& process, Instant moment);
  Instant Now();

  /// A sweep of the project is wanted that begins after this moment; asking twice wants one.
  void Want(const ProjectId& project, std::string_view reason);

  struct Queued {
    ProjectId project;
    std::int64_t run = 0;
    std::string reason;
  };
  /// Queues what is wanted, except where such a run is under way already: it began before. Forgets what was done or cancelled; a
  /// run that failed is followed by another, minutes later at first. `now` is the scheduler's clock.
  std::vector<Queued> Queue(Instant now);

  struct Wanted {
    Instant since;
    std::string reason;
  };
  /// What the project waits for; nothing when all that could have been missed has been looked for.
  std::optional<Wanted> Of(const ProjectId& project);

  /// How the runs of a project are called.
  static std::string NameOf(const ProjectId& project) { return "catch-up " + project.Text(); }

 private:
  std::chrono::seconds AfterFailures(const std::string& name);
  Result<std::int64_t> Unbegun(const std::string& name, Instant now);

  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
