#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "mappings/base/time.hpp"
#include "sync/backfill/list_watch.hpp"

namespace membridge::sync {

/// How far a sweep has come. The run's row keeps it as JSON, so that any process can go on with it; only this class knows the
/// form.
struct SweepCursor {
  enum class Phase { kBegin, kWalk, kMissing, kConfirm, kOver };

  Phase phase = Phase::kBegin;

  // The whole run's.
  bool first_load = false;      ///< the project was never swept, so what is found does not count as lost
  Instant cutoff;               ///< the watermark to set after a sound walk
  std::optional<Instant> from;  ///< only memories that changed since then; nothing: all of them
  Instant first_began;          ///< when the first walk began, by the database's clock
  std::string note;             ///< for the operator: how it ended; may be empty
  bool unsound = false;         ///< no walk was sound

  // This walk's.
  int walk = 1;
  int page = 1;       ///< to be read next
  std::string after;  ///< the same for a table: the last key of the page before
  Instant began;
  ListWatch list;
  std::int64_t met = 0;                    ///< memories with an id
  std::int64_t nameless = 0;               ///< records without one
  std::int64_t strangers = 0;              ///< of `met`, those that the walk before did not meet
  std::string disturbed;                   ///< why it is not sound; empty when it is
  std::optional<std::int64_t> met_before;  ///< memories that the walk before met, when it came to its own end

  // After the walks.
  std::optional<std::int64_t> missing;
  std::int64_t waiting_marked = -1;  ///< how many memories that wait for rows were marked dirty; -1: not done yet
  Instant confirm_until;

  /// Begins another walk. A memory that the mirror read before `now` is missing when the walk does not meet it.
  void StartWalk(int number, Instant now);

  nlohmann::json AsJson() const;
  static SweepCursor FromJson(const nlohmann::json& json);
};

}  // namespace membridge::sync
