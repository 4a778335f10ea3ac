#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/time.hpp"
#include "sync/feed/endpoint.hpp"
#include "sync/feed/parked_changes.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

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
  std::vector<ParkedChange> parked{};  ///< rows that wait behind a change that the endpoint refuses, the oldest first

  static constexpr std::int64_t kMostCounted = 100'000;
};

/// What an operator sees of a feed and does about it, in membridge.feeds of its target, while another process may be posting. The
/// position is there (FeedPosition::Enter). For one thread; functions throw postgres::SqlFailure.
class FeedControl {
 public:
  /// Both outlive it.
  FeedControl(postgres::Session& there, const Endpoint& endpoint) : there_(there), endpoint_(endpoint) {}

  FeedStanding Standing();
  /// Both return false when nothing changed. A resumed feed tries at once. `skip`: the message under way and the parked changes
  /// that were refused are left out.
  bool Pause();
  bool Resume(bool skip);
  /// How many changes Replay() would post again, besides those that wait.
  std::int64_t CountSince(Instant since);
  /// Posts every change since then again, with the same ids when messages are single changes.
  void Replay(Instant since);

 private:
  postgres::Session& there_;
  const Endpoint& endpoint_;
};

}  // namespace membridge::sync
