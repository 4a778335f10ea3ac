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
  std::vector<std::string> parked;  ///< the mappings that refused it, and which alone are tried again; empty: it is new
};

/// The event's id: the delivery's, or where that names several memories one made of both (UUIDv5). The same for the same
/// delivery, however often it is stored.
std::string EventIdOf(const Delivery& delivery, const MemoryId& memory);

/// The events that wait. All functions run inside the caller's transaction and throw postgres::SqlFailure.
class Events {
 public:
  /// The transaction outlives it.
  explicit Events(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// How many events of one memory are given to the mappings at once.
  static constexpr std::size_t kAtOnce = 200;

  /// Per claim, in order: its memory's events, new ones first, each kind oldest first, at most kAtOnce. The caller holds the
  /// claims' locks (Queue::StillOurs), so that nobody else ends them meanwhile.
  std::vector<std::vector<Event>> Of(const std::vector<Claim>& claims);

  /// Ends each event, or keeps it for the mappings in its `parked`. Their memories leave membridge.parked for those of `mappings`
  /// that refuse no event of theirs any more.
  void Settle(const std::vector<std::pair<Claim, Event>>& events, const std::vector<std::string>& mappings);

  /// Forgets events that nobody waits for: neither parked nor of a dirty memory, and older than `age`. Their mapping was taken
  /// out of the configuration. Returns how many.
  std::size_t Forget(std::chrono::seconds age);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
