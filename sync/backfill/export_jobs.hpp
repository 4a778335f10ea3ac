#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sync/backfill/run.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// One user's export within a run.
struct ExportJob {
  std::string entity;
  std::string export_id;  ///< empty until Mem0 named one
  int asks = 0;           ///< how often Mem0 was asked to make it, answered or not
  int polls = 0;
  Instant asked_at{};
};

/// The export jobs of a run in the state database, within the caller's transaction. Times are by the caller's clock. Functions
/// throw postgres::SqlFailure.
class ExportJobs {
 public:
  /// Both outlive it.
  ExportJobs(postgres::Transaction& transaction, const Run& run) : transaction_(transaction), run_(run) {}

  /// Adds a user as failed, without an export; `note` says why. `name` has at most kLongestUser bytes.
  void Refuse(const std::string& name, const std::string& note, Instant now);
  /// Adds users as Mem0 lists them. Without `all`, users whose memories did not change since their last export with the same
  /// question (`asked` is its digest) are done at once. A user may come twice.
  void Add(const std::vector<std::string>& users, const std::string& asked, bool all, Instant now);
  struct Tally {
    std::int64_t users = 0, unchanged = 0, waiting = 0, open = 0, done = 0, parked = 0, failed = 0;
  };
  Tally Count();

  /// Returns up to `limit` users whose export failed, each with the reason.
  std::vector<std::pair<std::string, std::string>> Failed(std::size_t limit);

  /// Finds jobs whose answer was lost with a process or a connection after Mem0 was asked. Lets each be asked for once more, or
  /// gives it up after the second time. Returns how many are asked for again.
  std::int64_t Recover();
  /// Returns the next due job in this state (`waiting`, `made`).
  std::optional<ExportJob> NextDue(std::string_view state, Instant now);
  /// Returns when the next `made` job is due, or with `may_ask` the next `made` or `waiting` one. Nothing when there is none.
  std::optional<Instant> DueAt(bool may_ask);
  /// Writes the job with a new state; `note` says why, for the operator.
  void Put(const ExportJob& job, std::string_view state, Instant due_at, const std::string& note);

  /// Remembers that the user's answer to the question `asked` was applied.
  void Remember(const ExportJob& job, const std::string& asked);
  /// Returns users that were exported once, are not among the run's users, and have no memory any more.
  std::vector<std::string> Vanished();
  /// How many users were ever exported.
  std::int64_t Known();
  void Forget(const std::vector<std::string>& users);
  /// Returns a number for Source::fence.
  std::int64_t NextFence();

 private:
  postgres::Transaction& transaction_;
  const Run& run_;
};

}  // namespace membridge::sync
