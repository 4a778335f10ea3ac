#pragma once

#include <functional>
#include <optional>
#include <string>

#include "receiver/http/message.hpp"
#include "receiver/http/reply.hpp"

namespace membridge::receiver::http {

/// Called on an I/O thread for every complete request. Must not block, because the thread serves other connections, too. An
/// exception is answered with 500.
using Handler = std::function<void(Request&&, Reply)>;

/// The decision about a request that is made from its header, before its body is complete.
struct HeadVerdict {
  std::optional<Response> refusal{};  ///< sent at once; the rest of the body is not read and the connection ends
  bool proven = false;                ///< the sender is known, so the body does not count against the budget for unknown senders
};

/// Called on an I/O thread for every request whose header is complete and whose body is not (`body` holds the bytes so far). It
/// is not called for a request that arrives whole, so the handler must make the same checks. Must not block; an exception is
/// answered with 500.
using HeadCheck = std::function<HeadVerdict(const Request& head)>;

/// The functions that a server calls.
struct Hooks {
  Handler handler;
  HeadCheck head_check{};  ///< empty: every sender is known
  /// Returns whether an address may have more connections than Limits::max_per_address, as trusted proxies may. Called on the
  /// thread that accepts. Empty: only loopback may.
  std::function<bool(const std::string& peer_address)> is_exempt{};
};

}  // namespace membridge::receiver::http
