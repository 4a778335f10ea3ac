#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"
#include "sync/worker/lag.hpp"

namespace membridge::sync {

/// What happened within one step of the history.
struct HistoryStep {
  Instant at{};                          ///< when it begins
  std::uint64_t deliveries = 0;          ///< folded into the queue
  std::array<std::uint64_t, 5> fates{};  ///< of memories: applied, unchanged, withdrawn, parked, retried
  LagCounts lags{};                      ///< of memories whose rows changed because of a delivery; without the sum of seconds
  std::optional<std::int64_t> parked{};  ///< the most that were parked at once; nothing: nobody looked

  void Add(const HistoryStep& other);
};

/// Counts of the past week by five minutes, in the state database. All processes that share it add to the same steps, and a
/// restart loses none. Holds numbers only. Throws postgres::SqlFailure. Threads: one.
class History {
 public:
  static constexpr std::chrono::seconds kStep{300};
  static constexpr std::chrono::hours kKept{7 * 24};

  explicit History(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Adds to the step that `step.at` lies in.
  void Add(const HistoryStep& step);
  /// Returns what happened from `since` on, by steps of this length, which is kStep or a multiple: one for each, oldest first.
  /// The last one is the step that `now` lies in.
  std::vector<HistoryStep> Since(Instant since, Instant now, std::chrono::seconds step) const;
  /// Forgets what is older than kKept.
  void Forget(Instant now);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
