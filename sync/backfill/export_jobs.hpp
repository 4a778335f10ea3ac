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

/// The export jobs of a run in the state database, by the caller's clock. Functions throw postgres::SqlFailure.
class ExportJobs {
 public:
  /// Adds a user who is not to be asked about: failed, and why. `name` is short.
  static void Refuse(postgres::Transaction& transaction, const Run& run, const std::string& name, const std::string& note,
                     Instant now);
  /// Adds users as Mem0 lists them; those whose memories did not change since their last export of this question (`asked`: a
  /// digest of it) are done at once, unless `all`. A user may come twice.
  static void Add(postgres::Transaction& transaction, const Run& run, const std::vector<std::string>& users,
                  const std::string& asked, bool all, Instant now);
  struct Tally {
    std::int64_t users = 0, unchanged = 0, waiting = 0, open = 0, done = 0, parked = 0, failed = 0;
  };
  static Tally Count(postgres::Transaction& transaction, const Run& run);

  /// Up to `limit` users whose export failed, and why.
  static std::vector<std::pair<std::string, std::string>> Failed(postgres::Transaction& transaction, const Run& run,
                                                                 std::size_t limit);

  /// Jobs that Mem0 was asked for and whose answer was lost, with a process or a connection: asked for once more, or given up
  /// when that was the second time. Returns how many are asked for again.
  static std::int64_t Recover(postgres::Transaction& transaction, const Run& run);
  /// The next job in this state (`waiting`, `made`) that is due.
  static std::optional<ExportJob> NextDue(postgres::Transaction& transaction, const Run& run, std::string_view state,
                                          Instant now);
  /// When the next made job is due, and with `may_ask` the next waiting one; nothing when there is none.
  static std::optional<Instant> DueAt(postgres::Transaction& transaction, const Run& run, bool may_ask);
  /// Writes the job with a new state; `note` says why, for the operator.
  static void Put(postgres::Transaction& transaction, const Run& run, const ExportJob& job, std::string_view state,
                  Instant due_at, const std::string& note);

  /// Remembers that this user's answer was applied.
  static void Remember(postgres::Transaction& transaction, const Run& run, const ExportJob& job, const std::string& asked);
  /// Users once exported who are not among the run's and have no memory any more.
  static std::vector<std::string> Vanished(postgres::Transaction& transaction, const Run& run);
  /// How many users were ever exported.
  static std::int64_t Known(postgres::Transaction& transaction, const Run& run);
  static void Forget(postgres::Transaction& transaction, const Run& run, const std::vector<std::string>& users);
  /// A number for Source::fence.
  static std::int64_t NextFence(postgres::Transaction& transaction);
};

}  // namespace membridge::sync
