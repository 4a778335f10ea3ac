#pragma once

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// What has become of a delivery by now, as the state knows it. Of several memories the first of these that is true of one of
/// them counts:
///   parked      a mapping refused it
///   blocked     another session's lock is in its way
///   waiting     it is to be read, or read once more
///   received    the delivery is stored and nothing was made of it yet
///   incomplete  it is in the tables but for a row that is still missing
///   applied     the tables show what was read
///   withdrawn   Mem0 does not have it any more, and neither have the tables
///   left_out    it is not kept: its person was erased, or no memory of that id was ever found
/// and `nothing` for a delivery that names no memory.
inline constexpr std::array<std::string_view, 9> kOutcomes{"parked",  "blocked",   "waiting",  "received", "incomplete",
                                                           "applied", "withdrawn", "left_out", "nothing"};

/// Which deliveries are meant; what is not set does not matter.
struct DeliveryFilter {
  std::optional<DeliveryId> id = std::nullopt;  ///< a UUIDv7 tells when it was issued: that moment is searched, and no other
  std::optional<ProjectId> project = std::nullopt;
  std::optional<MemoryId> memory = std::nullopt;  ///< those that speak of it
  std::optional<std::string> verdict = std::nullopt;
  std::optional<std::string> outcome = std::nullopt;  ///< one of kOutcomes
  std::optional<Instant> since = std::nullopt;        ///< received then or later
  std::optional<Instant> until = std::nullopt;        ///< received before
};

/// A delivery in a list: all but body and headers.
struct DeliverySummary {
  DeliveryId id;
  ProjectId project;
  Instant received_at;
  std::string verdict;
  std::string source_address;
  std::string token_id;
  std::vector<MemoryId> memories;
  std::size_t body_bytes = 0;
  std::string outcome;             ///< one of kOutcomes; of the first thousand memories that it names
  std::optional<Instant> read_at;  ///< when all of them had been read at Mem0 since it was received
};

/// A delivery with everything but the credentials it came with.
struct ShownDelivery : DeliverySummary {
  std::string body;        ///< raw bytes, whatever they are; never logged
  nlohmann::json headers;  ///< redacted
};

struct DeliveryPage {
  std::vector<DeliverySummary> deliveries;  ///< newest first
  std::optional<std::string> next;          ///< the cursor of the page behind; nothing: this is the last one
};

/// How much a replay would do.
struct DeliveryCount {
  std::size_t deliveries = 0;
  std::size_t memories = 0;  ///< different ones
};

/// Deliveries as an operator looks at them. Functions run inside the caller's transaction and throw postgres::SqlFailure.
class DeliveriesStore {
 public:
  /// The transaction outlives it.
  explicit DeliveriesStore(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// A page of at most `limit` (1 to 1000). Deliveries that arrive while somebody turns pages change no later page. kRefused: the
  /// cursor is not one of ours.
  Result<DeliveryPage> List(const DeliveryFilter& filter, std::size_t limit,
                            const std::optional<std::string>& cursor = std::nullopt);
  /// One with body and headers; nothing when there is none of this id (which may be any text).
  std::optional<ShownDelivery> Show(const DeliveryId& id);
  /// What Replay would touch now.
  DeliveryCount Count(const DeliveryFilter& filter);

 private:
  postgres::Transaction& transaction_;
};

/// Marks the memories of the deliveries dirty, to be read again from Mem0 now. In transactions of its own on `session`, a
/// thousand memories each; returns how many memories.
std::size_t ReplayDeliveries(postgres::Session& session, const DeliveryFilter& filter);

}  // namespace membridge::sync
