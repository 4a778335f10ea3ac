#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"

namespace membridge::sync {

/// Identifies a signed delivery: a second delivery with the same key before `until` is a replay.
struct ReplayMark {
  std::string key;  ///< 64 hex digits over project, scheme and what was signed
  Instant until;    ///< from then on the signature's time is too old, so the delivery is refused without this
};

/// One webhook call as it came off the wire. Mem0 gives it no id, time or order, so the bridge assigns them.
struct Delivery {
  DeliveryId id;  ///< a UUIDv7 in lower case, issued on arrival
  ProjectId project;
  Instant received_at;  ///< our own clock
  std::string body;     ///< raw bytes, perhaps not UTF-8; never logged
  std::string source_address;
  nlohmann::json headers;                ///< redacted
  std::string verdict;                   ///< what verification and the envelope check said
  std::string token_id;                  ///< of the token in the URL; empty when another scheme let it in
  std::vector<MemoryId> memories;        ///< those it names, each once; empty when it could not be interpreted
  std::vector<std::string> events{};     ///< what it says happened to each: ADD, UPDATE, DELETE, CATEGORIZE, OTHER
  std::vector<std::string> announced{};  ///< a hash of what it says each is now, empty where it says nothing; the vector may be
                                         ///< shorter than `memories`
  std::optional<ReplayMark>
      once{};  ///< for schemes with ids or times; without it the same delivery is accepted any number of times
};

/// The durable store between the HTTP side and the workers.
class Inbox {
 public:
  virtual ~Inbox() = default;
  /// Stores all of them, except replays, and returns the replays' ids. A replay is a delivery that any process ever accepted
  /// under the same ReplayMark. Promise: once this returns a value, the others survive a crash of this process and of PostgreSQL,
  /// and each marks its memories dirty and counts as an event once. kUnavailable: try later. It is then unknown whether they are
  /// stored, and storing them again is harmless: every reader of the journal treats an id that is stored twice as one delivery.
  virtual Result<std::vector<DeliveryId>> Accept(const std::vector<Delivery>& deliveries) = 0;
};

}  // namespace membridge::sync
