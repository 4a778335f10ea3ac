#include "receiver/http/reply.hpp"

#include <atomic>
#include <utility>

namespace membridge::receiver::http {

struct Reply::State {
  explicit State(std::function<void(Response)> function) : deliver(std::move(function)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (!sent.load()) deliver(Refusal(500, "internal", "the request was dropped without an answer", "see the log"));
  }

  std::function<void(Response)> deliver;
  std::atomic<bool> sent{false};
};

Reply::Reply(std::function<void(Response)> deliver) : state_(std::make_shared<State>(std::move(deliver))) {}

void Reply::Send(Response response) const {
  if (!state_->sent.exchange(true)) state_->deliver(std::move(response));
}

}  // namespace membridge::receiver::http
