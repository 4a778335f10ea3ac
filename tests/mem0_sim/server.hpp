#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tests/mem0_sim/exchange.hpp"

namespace membridge::mem0_sim {

/// An HTTP/1.1 server with keep-alive on one thread: requests are served one after another, so what they touch needs no locks.
class Server {
 public:
  using Serve = std::function<Reply(const Request&)>;

  /// Binds at once; throws std::exception when the address is taken or none. Port 0 takes a free one.
  Server(const std::string& address, std::uint16_t port);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t Port() const;

  /// Runs `work` on the server's thread after a while.
  void Later(std::chrono::milliseconds after, std::function<void()> work);

  /// Serves until SIGTERM or SIGINT.
  void Run(Serve serve);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace membridge::mem0_sim
