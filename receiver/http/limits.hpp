#pragma once

#include <chrono>
#include <cstddef>

namespace membridge::receiver::http {

/// What one server grants its clients. Counts and bytes are for the whole server; its I/O threads share them evenly.
struct Limits {
  std::size_t max_body_bytes = 1024 * 1024;     ///< beyond: 413, and the connection ends
  std::size_t max_header_bytes = 16 * 1024;     ///< request line and headers together; beyond: 431, and the connection ends
  std::size_t max_connections = 10'000;         ///< beyond: a slow or idle one is closed, or the new one gets 503 and is closed
  std::size_t max_per_address = 256;            ///< connections of one address; beyond: 503 and closed; 0: no bound
  std::size_t max_unproven_bodies = 1'024;      ///< bodies arriving from unknown senders; beyond: the slowest one gets 503
  std::size_t max_pipelined = 32;               ///< requests of one connection not yet answered; beyond: it is not read
  std::size_t max_unsent_bytes = 256 * 1024;    ///< answers one client has not taken yet; beyond: it is not read
  std::size_t max_receiving_bytes = 256 << 20;  ///< of all requests not yet complete; beyond: 503 for the one that grew
  std::size_t max_unproven_bytes = 32 << 20;    ///< the same for senders not yet known, a budget of their own
  std::chrono::milliseconds header_timeout = std::chrono::seconds{10};         ///< first byte to end of header; beyond: 408
  std::chrono::milliseconds body_timeout = std::chrono::seconds{30};           ///< end of header to end of body; beyond: 408
  std::chrono::milliseconds unproven_body_timeout = std::chrono::seconds{10};  ///< the same for senders not yet known
  std::chrono::milliseconds slow_after = std::chrono::seconds{1};  ///< to send a header or body; then it may be ended for room
  std::chrono::milliseconds idle_timeout = std::chrono::seconds{150};  ///< between requests; beyond: closed
  std::chrono::milliseconds write_timeout = std::chrono::seconds{30};  ///< the client reads no byte of its answer; beyond: reset
  std::chrono::milliseconds linger_timeout = std::chrono::seconds{2};  ///< for the client to read the last answer and close
  std::size_t threads = 2;                                             ///< I/O threads
  int backlog = 4096;                                                  ///< connections the kernel holds until they are accepted
};

}  // namespace membridge::receiver::http
