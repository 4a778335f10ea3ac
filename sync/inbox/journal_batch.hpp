#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "sync/inbox/inbox.hpp"
#include "sync/postgres/binary.hpp"

namespace membridge::sync {

/// Append deliveries to the journal and return their transaction's number. JournalBatch::Take() gives the parameters of the first
/// two. Where statements are planned anew each time the function is cheapest, because its own plan stays; where they are
/// prepared, the INSERT itself is.
inline constexpr postgres::BinaryStatement kStoreDeliveries{
    "membridge_store", "SELECT membridge.store($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"};
extern const postgres::BinaryStatement kAppendDeliveries;
/// The same for one delivery, with the parameters of JournalBatch::TakeOnly().
extern const postgres::BinaryStatement kAppendDelivery;

/// Whether a memory id found in a delivery may become a dirty mark: 1 to 255 bytes of UTF-8 without control characters. A longer
/// id may not fit into an index entry, and PostgreSQL would refuse the whole batch for it.
bool CanBeMarked(const MemoryId& memory);

/// Collects deliveries column by column, as parameters of membridge.store.
class JournalBatch {
 public:
  /// Whether a project has mappings `from: event`, so that each of its deliveries is an event of its own.
  using CountsEvents = std::function<bool(const ProjectId&)>;

  /// `number` identifies this batch in every attempt to store it; no other batch has it. When `counts_events` is empty, no
  /// project has such mappings. It must outlive the batch.
  JournalBatch(std::int64_t number, const CountsEvents& counts_events);

  void Add(const Delivery& delivery);
  bool Empty() const { return empty_; }
  std::vector<postgres::BinaryParam> Take();
  /// The parameters of kAppendDelivery, for a batch of one.
  std::vector<postgres::BinaryParam> TakeOnly();

 private:
  void AddMemories(const Delivery& delivery);
  std::vector<postgres::BinaryParam> Taken(postgres::BinaryParam (postgres::BinaryColumn::*take)());

  const std::int64_t number_;
  const CountsEvents& counts_events_;
  bool empty_ = true;
  postgres::BinaryColumn ids_{postgres::BinaryColumn::Element::kUuid};
  postgres::BinaryColumn received_at_{postgres::BinaryColumn::Element::kTime};
  postgres::BinaryColumn projects_{postgres::BinaryColumn::Element::kText};
  postgres::BinaryColumn verdicts_{postgres::BinaryColumn::Element::kText};
  postgres::BinaryColumn sources_{postgres::BinaryColumn::Element::kText};
  postgres::BinaryColumn tokens_{postgres::BinaryColumn::Element::kText};
  postgres::BinaryColumn headers_{postgres::BinaryColumn::Element::kText};
  postgres::BinaryColumn memories_{postgres::BinaryColumn::Element::kText};
  postgres::BinaryColumn buckets_{postgres::BinaryColumn::Element::kText};
  postgres::BinaryColumn told_{postgres::BinaryColumn::Element::kText};
  postgres::BinaryColumn events_{postgres::BinaryColumn::Element::kText};
  postgres::BinaryColumn bodies_{postgres::BinaryColumn::Element::kBytes};
};

}  // namespace membridge::sync
