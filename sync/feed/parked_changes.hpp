#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// A row whose next change an endpoint refuses.
struct ParkedChange {
  std::string message;  ///< `webhook-id` of every attempt
  std::int64_t seq = 0;
  std::string relation;
  nlohmann::json key;  ///< of the row
  Instant since;
  int attempts = 0;                ///< refused ones; 0: an earlier change of the row was taken meanwhile
  std::optional<Instant> next_at;  ///< nothing: now
  std::int64_t last_status = 0;
  std::string last_error;
};

/// The parked changes of one feed, in membridge.feed_parked of the target: one per row, its first change that the endpoint has
/// not taken. The row's later changes wait behind it, and other rows' pass. All functions need the feed's row locked, or run in
/// the one process that posts.
class ParkedChanges {
 public:
  /// So many rows at most; an endpoint that refuses more refuses everything, and the whole feed waits.
  static constexpr std::size_t kMost = 100;

  /// Everything outlives it.
  ParkedChanges(postgres::Transaction& transaction, const std::string& feed) : transaction_(transaction), feed_(feed) {}

  std::vector<ParkedChange> All();
  /// The first that is due, with its entry as posted. Those whose entry is gone, erased or too old, give way to the row's next.
  struct Due {
    ParkedChange change;
    nlohmann::json entry;
  };
  std::optional<Due> FirstDue(Instant now);
  /// Returns false, and does nothing, when there are kMost already.
  bool Add(const ParkedChange& change);
  /// It was refused again.
  void Refused(const ParkedChange& change);
  /// Nothing of what is due is tried before that.
  void Delay(Instant now, Instant until);
  /// It was taken, or is left out: the row's next change that was passed meanwhile takes its place, due at once, or the row is
  /// free again.
  void Advance(std::int64_t seq);
  /// All of them are due at once, or left out. Returns how many that concerned.
  std::size_t RetryAll();
  std::size_t SkipAll();
  /// Lets go of all; whoever does so posts them in another way.
  void Forget();
  /// After an erasure, for every feed of the database: those whose entry is gone give way to the row's next.
  static void AdvanceLost(postgres::Transaction& transaction);

 private:
  postgres::Transaction& transaction_;
  const std::string& feed_;
};

}  // namespace membridge::sync
