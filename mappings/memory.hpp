#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "mappings/id.hpp"
#include "mappings/result.hpp"
#include "mappings/time.hpp"

namespace membridge::mappings {

/// The current record of one memory, read from Mem0.
struct Memory {
  MemoryId id;
  /// As Mem0 gives it, with three changes: `text` repeats `memory`, `run_id` is `session_id` when only that is there, and every
  /// U+0000 is gone (PostgreSQL cannot hold it).
  nlohmann::json record;
  Instant updated_at;                 ///< `updated_at`, else `created_at`
  std::optional<Day> expires_on;      ///< the last day on which the memory holds
  std::optional<std::string> user_id;
  bool superseded = false;            ///< `replaced_by` names another memory, or its life cycle is over (superseded, merged)

  /// Whether the memory speaks on this day: neither superseded nor expired.
  bool IsLive(Day today) const;
};

/// Reads one element of a Mem0 answer. kRefused names the field that is missing or of the wrong type.
Result<Memory> ReadMemory(const nlohmann::json& answer);

/// A digest of everything in the record that a mapping can see: equal digests mean that nothing changed. 64 hex digits.
std::string DigestOf(const Memory& memory);

}  // namespace membridge::mappings
