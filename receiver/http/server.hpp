#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "receiver/http/hooks.hpp"
#include "receiver/http/limits.hpp"

namespace membridge::receiver::http {

/// Counts since the server was made, and connections now.
struct Statistics {
  std::uint64_t connections = 0;   ///< open now
  std::uint64_t accepted = 0;      ///< connections
  std::uint64_t shed = 0;          ///< connections closed for want of room or descriptors
  std::uint64_t address_full = 0;  ///< connections closed because their address has too many
  std::uint64_t requests = 0;      ///< handed to the handler
  std::uint64_t timed_out = 0;     ///< answered 408, or reset because the client took no answer
  // Requests that no handler saw:
  std::uint64_t malformed = 0;         ///< no HTTP as it is understood here: 400, 417, 501, 505
  std::uint64_t too_large = 0;         ///< a body beyond max_body_bytes: 413
  std::uint64_t header_too_large = 0;  ///< 431
  std::uint64_t no_room = 0;           ///< too much was being received at once: 503
  std::uint64_t too_slow = 0;          ///< 408
};

/// Each of the refusals among them, by the name a metric gives its reason.
std::vector<std::pair<const char*, std::uint64_t>> RefusalsOf(const Statistics& statistics);

/// An HTTP/1.0 and 1.1 server without TLS. Pipelined requests are handled at once and answered in order; a client that
/// half-closes is still answered; slow clients cost memory within Limits and nobody else any time. When places run out, clients
/// that are slow to send a body go first, those between requests last. Answers are matched to connections by an id that is never
/// used twice, so none can reach another client. Threads: Start() and Stop() from one thread, the rest from any.
class Server {
 public:
  /// Binds and listens at once: "127.0.0.1:8080", "[::1]:0", "localhost:80", ":8080" for every address. Raises the process's
  /// limit of open files as far as it may, and lowers max_connections to what that allows. Throws std::runtime_error when it
  /// cannot bind.
  Server(const std::string& address, Limits limits, Hooks hooks);
  /// The same for a handler without a check of headers.
  Server(const std::string& address, Limits limits, Handler handler);
  ~Server();  ///< as Stop(0)

  /// The port it listens on; the one the kernel chose when 0 was asked for.
  std::uint16_t port() const;

  /// From here on requests are handled.
  void Start();

  /// Takes what waits in the backlog, stops listening, closes idle connections, answers what has begun and what clients ask
  /// within half a second that were accepted and have not asked yet (each last answer says `Connection: close`), and returns when
  /// every client is served or `within` is over; what is left then is closed. May be called again. Not from a handler.
  void Stop(std::chrono::milliseconds within);

  Statistics Counted() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace membridge::receiver::http
