#pragma once

#include <functional>
#include <memory>

#include "receiver/http/message.hpp"

namespace membridge::receiver::http {

/// The right to answer one request, once. Copies share that right; when the last one goes without an answer, the client gets 500.
/// Threads: any; the first Send() wins and later ones do nothing. Harmless after the client has left or the server has stopped.
class Reply {
 public:
  /// `deliver` is called at most once, on the thread that sends, and must not throw.
  explicit Reply(std::function<void(Response)> deliver);

  void Send(Response response) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace membridge::receiver::http
