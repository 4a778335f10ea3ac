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

/// What became of a delivery: its outcome. A delivery with several memories has the first outcome that one of its memories has:
///   parked      a mapping refused it
///   blocked     another session's lock is in its way
///   waiting     it must be read, or read again
///   received    the delivery is stored and not folded yet
///   incomplete  it is in the tables, except what needs a missing row
///   applied     the tables show what was read, and rows changed because of it
///   withdrawn   Mem0 does not have it any more, and the tables do not either
///   unchanged   the tables already showed what was read, or no mapping says anything of it
///   left_out    it is not kept: its person was erased, or Mem0 never had a memory of that id
/// A delivery that names no memory has the outcome `nothing`.
inline constexpr std::array<std::string_view, 10> kOutcomes{"parked",  "blocked",   "waiting",   "received", "incomplete",
                                                            "applied", "withdrawn", "unchanged", "left_out", "nothing"};

/// Selects deliveries. A field that is not set selects all.
struct DeliveryFilter {
  std::optional<DeliveryId> id = std::nullopt;  ///< a UUIDv7, which tells when it was issued: only that moment is searched
  std::optional<ProjectId> project = std::nullopt;
  std::optional<MemoryId> memory = std::nullopt;  ///< those that name it
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
  std::optional<Instant> read_at;  ///< when the last of them was read from Mem0 after the delivery came; nothing: not all were
};

/// A delivery with body and headers, without the credentials it came with.
struct ShownDelivery : DeliverySummary {
  std::string body;        ///< raw bytes, perhaps not UTF-8; never logged
  nlohmann::json headers;  ///< redacted
};

/// One page of DeliveriesStore::List().
struct DeliveryPage {
  std::vector<DeliverySummary> deliveries;  ///< newest first
  std::optional<std::string> next;          ///< the next page's cursor; nothing: this is the last page
};

/// How much a replay would do.
struct DeliveryCount {
  std::size_t deliveries = 0;
  std::size_t memories = 0;  ///< different ones
};

/// Lists and shows deliveries for the operator. Functions run inside the caller's transaction and throw postgres::SqlFailure.
class DeliveriesStore {
 public:
  /// The transaction outlives it.
  explicit DeliveriesStore(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Returns a page of at most `limit` (1 to 1000) deliveries. Deliveries that arrive between two calls do not change later
  /// pages. kRefused: the cursor did not come from an earlier page.
  Result<DeliveryPage> List(const DeliveryFilter& filter, std::size_t limit,
                            const std::optional<std::string>& cursor = std::nullopt);
  /// Returns one delivery; nothing when there is none of this id, which may be any text.
  std::optional<ShownDelivery> Show(const DeliveryId& id);
  /// Counts what ReplayDeliveries() would touch now.
  DeliveryCount Count(const DeliveryFilter& filter);

 private:
  postgres::Transaction& transaction_;
};

/// Marks the memories of the deliveries dirty, so that they are read again from Mem0 now. Uses transactions of its own on
/// `session`, a thousand memories each. Returns how many memories. Throws postgres::SqlFailure.
std::size_t ReplayDeliveries(postgres::Session& session, const DeliveryFilter& filter);

}  // namespace membridge::sync
