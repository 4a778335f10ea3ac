#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"

namespace membridge::receiver {

/// What a sender says happened to a memory. It labels a metric and an event; what the memory is now is read from Mem0.
enum class HintedEvent { kAdd, kUpdate, kDelete, kCategorize, kOther };

/// `memory_add`, `memory:add`, `memory.add`, `ADD`, `memory.created` are all kAdd, and so on; case does not matter.
HintedEvent ReadEvent(std::string_view name);

/// `ADD`, `UPDATE`, `DELETE`, `CATEGORIZE`, `OTHER`: what a mapping knows as `$event.type`.
std::string TypeOf(HintedEvent event);

/// "Something happened to this memory."
struct Hint {
  MemoryId memory;  ///< [A-Za-z0-9][A-Za-z0-9_-]{0,127}; a UUID in lower case
  HintedEvent event = HintedEvent::kOther;
  std::string
      announced;  ///< a hash of the text or the labels it is said to have now (sync/inbox/announcement.hpp); empty: none said
};

/// What can be learned from a delivery without believing it.
struct Envelope {
  bool is_json = false;     ///< RFC 8259 in UTF-8, any value, any depth
  std::vector<Hint> hints;  ///< each memory once, in the order named

  /// `add`, `update`, `delete`, `categorize`, `other`; `mixed` when hints differ; `uninterpretable` without any.
  std::string Verdict() const;
};

/// JSON nested deeper than this is stored and acknowledged, but not looked into.
inline constexpr std::size_t kMaxDepth = 64;

/// Reads the shapes senders are known or believed to use: `event_details` around it or not, `id` or `memory_id`, in the event or
/// in its `data`, alone or in an array. What it does not know it skips; an id of another form gives no hint. Never throws on
/// content; stack and time are bounded by the length of the body alone.
Envelope ReadEnvelope(std::string_view body);

}  // namespace membridge::receiver
