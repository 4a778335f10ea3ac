#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"

namespace membridge::mappings {

/// The current record of one memory, read from Mem0.
struct Memory {
  MemoryId id;
  /// The record as Mem0 gives it, with three changes: `text` repeats `memory`; `run_id` gets the value of `session_id` when only
  /// that is there; and every U+0000 is removed, because PostgreSQL cannot store it.
  nlohmann::json record;
  Instant updated_at;             ///< `updated_at`, else `created_at`
  std::optional<Day> expires_on;  ///< the last day on which the memory holds
  std::optional<std::string> user_id;
  bool superseded = false;  ///< `replaced_by` names another memory, or `lifecycle_state` says superseded or merged

  /// Whether the memory counts on this day: it is neither superseded nor expired.
  bool IsLive(Day today) const;
};

/// The deepest nesting a record may have. People write far less, and a stack holds far more.
inline constexpr std::size_t kDeepestRecord = 64;

/// Whether lists and objects are nested more than `levels` deep. Safe for any depth.
bool IsDeeperThan(const nlohmann::json& value, std::size_t levels);

/// Removes every U+0000, because PostgreSQL cannot store it. kRefused: the value is nested deeper than kDeepestRecord. Use it for
/// the data of `export` and `event`; ReadMemory() does the same for a memory.
Result<nlohmann::json> Storable(const nlohmann::json& value);

/// Reads one memory of a Mem0 answer. kRefused: a field is missing or has the wrong type; the message names it.
Result<Memory> ReadMemory(const nlohmann::json& answer);

/// Returns a digest of everything in the record that a mapping can see, as 64 hex digits. Equal digests mean that nothing
/// changed. `lifecycle_state` is left out: Mem0's lists do not contain it, and a memory must have the same digest whether it was
/// read alone or in a list.
std::string DigestOf(const Memory& memory);

}  // namespace membridge::mappings
