#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/time.hpp"
#include "sync/feed/call.hpp"
#include "sync/feed/endpoint.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// A message to an endpoint. Every attempt at it has the same id and body.
struct Message {
  std::string id;  ///< `webhook-id`: of a single change the entry's own id
  std::int64_t last_seq = 0;
  std::vector<nlohmann::json> changes;  ///< the entries, oldest first, as posted
  int attempts = 0;                     ///< so far
  bool parked = false;                  ///< its one change was refused before, and others went on
  std::string Body(bool batched) const;
};

/// One endpoint's position in a target's change feed, in membridge.feeds of the same database. A position is a window of entries:
/// those visible in one snapshot and not in the one before, in the order of `seq`. So nothing is missed that is committed late,
/// and the changes of a row keep their order. For one thread; functions throw postgres::SqlFailure.
class FeedPosition {
 public:
  /// Both outlive it.
  FeedPosition(postgres::Session& there, const Endpoint& endpoint) : there_(there), endpoint_(endpoint) {}

  /// Makes the position, at the oldest entry, unless there is one. In a database that was restored elsewhere all positions begin
  /// anew, because numbers of transactions mean nothing there. Returns whether that was so.
  bool Enter();

  /// What to do now.
  struct Due {
    std::optional<Message> message;  ///< to post, noted as under way; or
    std::optional<Instant> not_before;
    bool paused = false;
    // none of these: everything is told
  };
  Due Next(Instant now);
  /// The message arrived.
  void Told(const Message& message, const Posted& posted, Instant now);
  /// It did not. `next_at`: when to try again; nothing pauses the feed, for the reason `paused_by`. Of a parked one, `next_at`
  /// holds for all parked ones that are due.
  void Failed(const Message& message, const Posted& posted, Instant now, std::optional<Instant> next_at,
              const std::string& paused_by);
  /// The endpoint refuses one of several changes: the first half of them is the message under way from now on.
  void Split(const Message& message);
  /// The endpoint refuses this one change: it is parked, or stays so, until `next_at`. Returns false when too many are parked:
  /// the feed itself waits until then.
  bool Park(const Message& message, const Posted& posted, Instant now, Instant next_at);
  /// Whether anything was posted since this parked change was refused first.
  bool PostedSinceParking(const Message& message);

 private:
  bool Open(postgres::Transaction& transaction);
  std::optional<Message> ParkedDue(postgres::Transaction& transaction, Instant now);
  std::vector<nlohmann::json> Entries(postgres::Transaction& transaction);

  postgres::Session& there_;
  const Endpoint& endpoint_;
};

}  // namespace membridge::sync
