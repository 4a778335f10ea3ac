#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"

namespace membridge::receiver {

/// What happened to a memory according to the sender. It is used for a metric's label and for `$event.type` only; the memory
/// itself is always read from Mem0.
enum class HintedEvent { kAdd, kUpdate, kDelete, kCategorize, kOther };

/// Reads the name of an event in any known spelling, ignoring case: `memory_add`, `memory:add`, `memory.add`, `ADD` and
/// `memory.created` are all kAdd, and so on. Unknown names are kOther.
HintedEvent ReadEvent(std::string_view name);

/// Returns the value of `$event.type` in mappings: `ADD`, `UPDATE`, `DELETE`, `CATEGORIZE` or `OTHER`.
std::string TypeOf(HintedEvent event);

/// Something happened to this memory, according to a delivery.
struct Hint {
  MemoryId memory;  ///< [A-Za-z0-9][A-Za-z0-9_-]{0,127}; a UUID in lower case
  HintedEvent event = HintedEvent::kOther;
  std::string
      announced;  ///< a hash of the text or the labels it is said to have now (sync/inbox/announcement.hpp); empty: none said
};

/// What a delivery tells before its claims are checked at Mem0.
struct Envelope {
  bool is_json = false;     ///< RFC 8259 in UTF-8, any value, any depth
  std::vector<Hint> hints;  ///< each memory once, in the order named

  /// Returns `add`, `update`, `delete`, `categorize` or `other`; `mixed` when the hints differ; `uninterpretable` when there is
  /// no hint.
  std::string Verdict() const;
};

/// JSON nested deeper than this is stored and acknowledged, but gives no hints.
inline constexpr std::size_t kMaxDepth = 64;

/// Reads the shapes that senders use or may use: with `event_details` around the event or not; `id` or `memory_id`; in the event
/// or in its `data`; alone or in an array. Skips everything unknown; an id of another form gives no hint. Never throws on any
/// body. Stack use and time depend only on the length of the body. Thread-safe.
Envelope ReadEnvelope(std::string_view body);

}  // namespace membridge::receiver
