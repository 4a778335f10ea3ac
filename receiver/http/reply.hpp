#pragma once

#include <functional>
#include <memory>

#include "receiver/http/message.hpp"

namespace membridge::receiver::http {

/// Answers one request, once. Copies share the same request; when the last copy is destroyed without an answer, the client gets
/// 500. Threads: any. The first Send() counts and later ones do nothing. Sending after the client has left or the server has
/// stopped is safe and does nothing.
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
