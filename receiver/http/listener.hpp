#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "receiver/http/mailbox.hpp"

namespace membridge::receiver::http {

/// A listening TCP socket that still works when the process has no descriptor left. It keeps one descriptor in reserve to accept
/// and close a client; otherwise that client would stay in the backlog and wake the loop again and again. Threads: one, except
/// port().
class Listener {
 public:
  /// See Server for the forms of `address`. Throws std::runtime_error.
  Listener(const std::string& address, int backlog);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  enum class Outcome { kAccepted, kNobody, kTurnedAway, kExhausted };
  /// Takes one client from the backlog without blocking. kTurnedAway: the client was closed because there was no descriptor for
  /// it. kExhausted: even that was not possible; wait before the next try.
  Outcome Accept(Newcomer& newcomer);

  void Close();
  int fd() const { return fd_; }  ///< negative once closed
  std::uint16_t port() const { return port_; }

 private:
  bool TurnOneAway();

  int fd_ = -1;
  int reserve_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace membridge::receiver::http
