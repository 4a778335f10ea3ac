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
  /// As Mem0 gives it, with three changes: `text` repeats `memory`, `run_id` is `session_id` when only that is there, and every
  /// U+0000 is gone (PostgreSQL cannot hold it).
  nlohmann::json record;
  Instant updated_at;             ///< `updated_at`, else `created_at`
  std::optional<Day> expires_on;  ///< the last day on which the memory holds
  std::optional<std::string> user_id;
  bool superseded = false;  ///< `replaced_by` names another memory, or its life cycle is over (superseded, merged)

  /// Whether the memory speaks on this day: neither superseded nor expired.
  bool IsLive(Day today) const;
};

/// How deep a record may be nested: far beyond what people write, far below what would exhaust a stack.
inline constexpr std::size_t kDeepestRecord = 64;

/// Whether lists and objects stand inside each other more than `levels` deep. Safe on any depth.
bool IsDeeperThan(const nlohmann::json& value, std::size_t levels);

/// The value without any U+0000, which PostgreSQL cannot hold; kRefused when it is nested deeper than kDeepestRecord.
/// For what becomes `export` or `event`; ReadMemory() does it for a memory.
Result<nlohmann::json> Storable(const nlohmann::json& value);

/// Reads one element of a Mem0 answer. kRefused names the field that is missing or of the wrong type.
Result<Memory> ReadMemory(const nlohmann::json& answer);

/// A digest of everything in the record that a mapping can see: equal digests mean that nothing changed. 64 hex digits.
/// `lifecycle_state` does not count: lists leave it out, and the same memory must have one digest however it was read.
std::string DigestOf(const Memory& memory);

}  // namespace membridge::mappings
