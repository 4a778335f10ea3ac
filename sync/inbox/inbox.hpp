#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"

namespace membridge::sync {

/// What a signed delivery is recognised by: the same key again before `until` is a replay.
struct ReplayMark {
  std::string key;  ///< 64 hex digits over project, scheme and what was signed
  Instant until;    ///< from then on its time alone refuses it
};

/// One webhook call as it came off the wire. Mem0 gives it no id, no time and no order, so these are ours.
struct Delivery {
  DeliveryId id;  ///< a UUIDv7 in lower case, issued on arrival
  ProjectId project;
  Instant received_at;  ///< our own clock
  std::string body;     ///< raw bytes, whatever they are; never logged
  std::string source_address;
  nlohmann::json headers;                ///< redacted
  std::string verdict;                   ///< what verification and the envelope check said
  std::string token_id;                  ///< of the token in the URL; empty when another scheme let it in
  std::vector<MemoryId> memories;        ///< those it speaks of, each once; empty when it could not be interpreted
  std::vector<std::string> events{};     ///< what it says happened to each: ADD, UPDATE, DELETE, CATEGORIZE, OTHER
  std::vector<std::string> announced{};  ///< a hash of what it says each is now, empty where it says nothing; may be shorter
  std::optional<ReplayMark> once{};      ///< from schemes with ids or times; else a delivery may come any number of times
};

/// The durable store between the HTTP side and the workers.
class Inbox {
 public:
  virtual ~Inbox() = default;
  /// Stores all of them, except replays: what was accepted before under the same ReplayMark is not stored again, in whichever
  /// process and however long ago that was. The result is the replays' ids. Promise: once this returns a value, the others
  /// survive a crash of this process and of PostgreSQL, and each will mark its memories dirty and be counted as an event, once.
  /// kUnavailable: try later; whether they are stored is then unknown, and storing them again is harmless: an id that is stored
  /// twice is one delivery to every reader of the journal.
  virtual Result<std::vector<DeliveryId>> Accept(const std::vector<Delivery>& deliveries) = 0;
};

}  // namespace membridge::sync
