#pragma once

#include <functional>
#include <optional>
#include <string>

#include "receiver/http/message.hpp"
#include "receiver/http/reply.hpp"

namespace membridge::receiver::http {

/// Called on an I/O thread for every complete request; must not block, because its thread carries other connections. An exception
/// is answered with 500.
using Handler = std::function<void(Request&&, Reply)>;

/// What a header alone decides about the body that follows it.
struct HeadVerdict {
  std::optional<Response> refusal{};  ///< answered at once; the body is not waited for and the connection ends
  bool proven = false;                ///< the sender is known: the body does not count against the budget of strangers
};

/// Called on an I/O thread for every request whose header is in and whose body is not yet complete (`body` holds what has come).
/// A request that arrives whole goes to the handler without it, so the handler must check the same again. Must not block; an
/// exception is answered with 500.
using HeadCheck = std::function<HeadVerdict(const Request& head)>;

/// What one server asks its owner.
struct Hooks {
  Handler handler;
  HeadCheck head_check{};  ///< empty: every sender is known
  /// Whether an address may have more connections than Limits::max_per_address, as trusted proxies may. Called on the thread that
  /// accepts; empty: loopback may.
  std::function<bool(const std::string& peer_address)> is_exempt{};
};

}  // namespace membridge::receiver::http
