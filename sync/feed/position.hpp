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
  std::string Body(bool batched) const;
};

/// How far an endpoint has been told, and how it goes.
struct FeedStanding {
  std::int64_t waiting = 0;       ///< changes not posted yet, kMostCounted at most
  std::optional<Instant> oldest;  ///< of them
  int attempts = 0;               ///< failed ones of the message under way
  std::optional<std::string> message;
  std::optional<Instant> failing_since, next_at, paused_at, posted_at;
  std::string paused_by;  ///< `operator`, `gone` (it answered 410), `failing` (for days)
  std::int64_t last_status = 0;
  std::string last_error;
  std::int64_t posted = 0;

  static constexpr std::int64_t kMostCounted = 100'000;
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
  /// It did not. `next_at`: when to try again; nothing pauses the feed, for the reason `paused_by`.
  void Failed(const Message& message, const Posted& posted, Instant now, std::optional<Instant> next_at,
              const std::string& paused_by);

  FeedStanding Standing();
  /// Both return false when nothing changed. A resumed feed tries at once. `skip`: the message under way is left out.
  bool Pause();
  bool Resume(bool skip);
  /// How many changes Replay() would post again, besides those that wait.
  std::int64_t CountSince(Instant since);
  /// Posts every change since then again, with the same ids when messages are single changes.
  void Replay(Instant since);

 private:
  bool Open(postgres::Transaction& transaction);
  std::vector<nlohmann::json> Entries(postgres::Transaction& transaction);
  std::vector<postgres::Param> WithFilter(std::vector<postgres::Param> params) const;

  postgres::Session& there_;
  const Endpoint& endpoint_;
};

}  // namespace membridge::sync
