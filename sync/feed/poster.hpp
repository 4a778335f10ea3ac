#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "mappings/base/time.hpp"
#include "sync/feed/call.hpp"
#include "sync/feed/endpoint.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Returns how long to wait after this many failed attempts at a message: seconds first, a day in the end. Nothing: it has been
/// tried for days, and the endpoint counts as dead.
std::optional<std::chrono::seconds> WaitAfter(int attempts);

/// Whether an endpoint that answers this at the so-many-th attempt refuses the message, as against being unable to take any.
bool RefusesMessage(long status, int attempts);

/// Tells one endpoint of changes, message by message, in the order of the feed, each at least once. While a message fails, those
/// behind it wait. A change that the endpoint refuses is parked: only later changes of the same row wait. For one thread.
class Poster {
 public:
  /// Everything outlives it. `stop`: polled while a call runs.
  Poster(const Endpoint& endpoint, const Clock& clock, std::function<bool()> stop = {});

  enum class Did {
    kNothing,  ///< everything is told
    kPosted,
    kFailed,   ///< the endpoint is not able to take it, or gave no answer
    kParked,   ///< the endpoint refuses this one change, which is tried again later
    kSplit,    ///< the endpoint refuses a message of several changes, which is posted in halves
    kPausing,  ///< the same, and now the feed is paused
    kWaiting,  ///< for the next attempt
    kPaused,   ///< it is paused
    kStopped,  ///< `stop` ended the call; nothing is known of it
  };
  struct Step {
    Did did = Did::kNothing;
    Posted posted{};
    std::size_t changes = 0;            ///< in the message
    int attempts = 0;                   ///< at the message, with this one
    bool first = true;                  ///< of kParked: it was not parked before
    std::chrono::milliseconds wait{0};  ///< of kWaiting
  };
  /// Posts at most one message. `there`: the target's database, where only one process at a time may post to this endpoint (a
  /// lease). Throws postgres::SqlFailure; then a message may have been posted that will be posted again.
  Step PostNext(postgres::Session& there);

  /// Posts `{"type":"feed.test","timestamp":…,"data":{"feed":NAME}}`, signed like any other message.
  Posted Test();

 private:
  Posted Post(const std::string& id, const std::string& body);

  const Endpoint& endpoint_;
  const Clock& clock_;
  std::function<bool()> stop_;
  EndpointCall call_;
};

}  // namespace membridge::sync
