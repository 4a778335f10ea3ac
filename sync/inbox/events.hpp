#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/inbox/inbox.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {

/// One thing that happened to a memory, as a delivery told it. PostgresInbox::Accept stores it together with the delivery when
/// the project has mappings `from: event`; the worker that holds the memory's claim gives it to them.
struct Event {
  std::string id;  ///< a UUID; EventIdOf()
  DeliveryId delivery;
  std::string type;  ///< ADD, UPDATE, DELETE, CATEGORIZE, OTHER
  Instant received_at;
  Instant queued_at;                ///< by the database's clock
  std::vector<std::string> parked;  ///< the mappings that refused it; only these are tried again. Empty: it is new
};

/// Returns the event's id: the delivery's id, or a UUIDv5 of delivery and memory when the delivery names several memories.
/// Storing a delivery again gives the same id.
std::string EventIdOf(const Delivery& delivery, const MemoryId& memory);

/// The events that mappings have yet to apply. All functions run inside the caller's transaction and throw postgres::SqlFailure.
class Events {
 public:
  /// The transaction outlives it.
  explicit Events(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// How many events of one memory are given to the mappings at once.
  static constexpr std::size_t kAtOnce = 200;

  /// Returns per claim, in order, at most kAtOnce events of its memory: new ones, then refused ones, the oldest first. The caller
  /// must hold the claims' locks (Queue::StillOurs), so that no other worker ends these events at the same time.
  std::vector<std::vector<Event>> Of(const std::vector<Claim>& claims);

  /// Ends each event, or keeps it for the mappings in its `parked`. Unparks the events' memories for those of `mappings` that do
  /// not refuse any event of the memory any more.
  void Settle(const std::vector<std::pair<Claim, Event>>& events, const std::vector<std::string>& mappings);

  /// Forgets events whose mapping was taken out of the configuration: those older than `age` that are neither parked nor of a
  /// dirty memory. Returns how many.
  std::size_t Forget(std::chrono::seconds age);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
