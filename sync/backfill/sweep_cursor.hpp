#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "mappings/base/time.hpp"
#include "sync/backfill/list_watch.hpp"

namespace membridge::sync {

/// Where a sweep stands. It is kept with the run as JSON, so that any process can go on with it; only this class knows how it is
/// written there.
struct SweepCursor {
  enum class Phase { kBegin, kWalk, kMissing, kConfirm, kOver };

  Phase phase = Phase::kBegin;

  // The whole run's.
  bool first_load = false;      ///< the project was never swept: what is found was not lost by anybody
  Instant cutoff;               ///< the watermark of a sound end
  std::optional<Instant> from;  ///< only memories that changed since then; nothing: all of them
  Instant first_began;          ///< when the first walk began, by the database's clock
  std::string note;             ///< what a person is to know of how it ended; may be empty
  bool unsound = false;         ///< no walk came to an end that can be relied upon

  // This walk's.
  int walk = 1;
  int page = 1;  ///< to be read next
  Instant began;
  ListWatch list;
  std::int64_t met = 0;                    ///< memories with an id
  std::int64_t nameless = 0;               ///< records without one
  std::int64_t strangers = 0;              ///< of `met`, those that the walk before did not meet
  std::string disturbed;                   ///< why it cannot be relied upon; empty when it can
  std::optional<std::int64_t> met_before;  ///< by the walk before, when that one came to its own end

  // Of what comes after the walks.
  std::optional<std::int64_t> missing;
  std::int64_t waiting_marked = -1;  ///< memories that waited for rows, marked to be looked at; -1: not yet
  Instant confirm_until;

  /// Begins another walk. What the mirror read before `now` and the walk does not meet is missing.
  void StartWalk(int number, Instant now);

  nlohmann::json AsJson() const;
  static SweepCursor FromJson(const nlohmann::json& json);
};

}  // namespace membridge::sync
