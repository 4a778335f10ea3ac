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

/// Counts since the server was made, and the number of open connections.
struct Statistics {
  std::uint64_t connections = 0;   ///< open now
  std::uint64_t accepted = 0;      ///< connections
  std::uint64_t shed = 0;          ///< connections closed because there was no room or no descriptor
  std::uint64_t address_full = 0;  ///< connections closed because their address has too many
  std::uint64_t requests = 0;      ///< handed to the handler
  std::uint64_t timed_out = 0;     ///< answered 408, or reset because the client took no answer
  // Requests that were refused before a handler saw them:
  std::uint64_t malformed = 0;         ///< not HTTP that this server supports: 400, 417, 501, 505
  std::uint64_t too_large = 0;         ///< a body beyond max_body_bytes: 413
  std::uint64_t header_too_large = 0;  ///< 431
  std::uint64_t no_room = 0;           ///< too much was being received at once: 503
  std::uint64_t too_slow = 0;          ///< 408
};

/// Returns each count of refused requests with the name of its reason in metrics.
std::vector<std::pair<const char*, std::uint64_t>> RefusalsOf(const Statistics& statistics);

/// An HTTP/1.0 and 1.1 server without TLS. Pipelined requests are handled at once and answered in order; a client that
/// half-closes is still answered. Slow clients use memory within Limits and do not delay others. When places run out, clients
/// that are slow to send a body are closed first, and while nobody is slow, whoever has been silent longest. Connections have ids
/// that are never used twice, so an answer cannot reach another client. Threads: Start() and Stop() from one thread, the rest
/// from any.
class Server {
 public:
  /// Binds and listens at once: "127.0.0.1:8080", "[::1]:0", "localhost:80", ":8080" for every address. Raises the process's
  /// limit of open files as far as it may, and lowers max_connections to what that allows. Throws std::runtime_error when it
  /// cannot bind.
  Server(const std::string& address, Limits limits, Hooks hooks);
  /// Makes a server with a handler only and no head check.
  Server(const std::string& address, Limits limits, Handler handler);
  ~Server();  ///< as Stop(0)

  /// Returns the port it listens on; for port 0, the one that the kernel chose.
  std::uint16_t port() const;

  /// Begins to handle requests.
  void Start();

  /// Stops in order: accepts the clients in the backlog, stops listening, closes idle connections, and answers all requests that
  /// have begun. A client that was accepted and has not sent a request yet may still send one within half a second. Each last
  /// answer says `Connection: close`. Returns when every client is served or `within` is over; the remaining connections are then
  /// closed. May be called again. Do not call it from a handler.
  void Stop(std::chrono::milliseconds within);

  Statistics Counted() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace membridge::receiver::http
