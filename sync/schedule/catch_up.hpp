#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Deliveries that nobody could take: while no process listened, and before the webhook existed. What changed at Mem0 in the
/// meantime is found by a full sweep, which every project then wants once. Within one transaction, which outlives it. Functions
/// throw postgres::SqlFailure; times are the database's clock.
class CatchUp {
 public:
  explicit CatchUp(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// This process takes deliveries now. `process` is a UUID of its own.
  void Beat(const std::string& process);
  /// It does so no longer.
  void Leave(const std::string& process);
  /// Whether another process takes deliveries, as far as is known: it said so within the last kSilence.
  bool AnotherListens(const std::string& process);
  /// Whether another process has said so since this moment: then it surely lives.
  bool AnotherListenedSince(const std::string& process, Instant since);
  Instant Now();

  /// A full sweep of the project is wanted; asking twice wants one.
  void Want(const ProjectId& project, std::string_view reason);
  /// Queues what is wanted and due at `now`, except where such a sweep is under way: it began before. Returns the projects.
  std::vector<ProjectId> Queue(Instant now);

  /// How the runs of a project are called.
  static std::string NameOf(const ProjectId& project) { return "catch-up " + project.Text(); }

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
