#include "tests/receiver/http/echo_server.hpp"

#include <poll.h>

#include <stdexcept>

namespace membridge::test {

using receiver::http::Reply;
using receiver::http::Request;
using receiver::http::Response;

namespace {

Response Text(std::string body) {
  return {.content_type = "text/plain", .body = std::move(body)};
}

}  // namespace

EchoServer::EchoServer(receiver::http::Limits limits, const std::string& address)
    : server(address, limits, [this](Request&& request, Reply reply) { Handle(std::move(request), std::move(reply)); }),
      answering_([this] { AnswerLater(); }) {
  server.Start();
}

EchoServer::~EchoServer() {
  server.Stop(std::chrono::milliseconds{0});
  {
    const std::lock_guard lock{mutex_};
    ending_ = true;
  }
  changed_.notify_all();
  answering_.join();
}

void EchoServer::Handle(Request&& request, Reply reply) {
  if (request.target == "/echo") {
    reply.Send(Text(std::move(request.body)));
  } else if (request.target == "/later" || request.target == "/held") {
    {
      const std::lock_guard lock{mutex_};
      (request.target == "/later" ? later_ : held_).emplace_back(std::move(request.body), std::move(reply));
    }
    changed_.notify_all();
  } else if (request.target == "/large") {
    reply.Send(Text(std::string(kLargeBytes, 'x')));
  } else if (request.target == "/throw") {
    throw std::runtime_error("thrown by the handler");
  } else if (request.target != "/forget") {
    reply.Send(Text(request.method + "\n" + request.target + "\n" + request.query + "\n" + request.peer_address));
  }
}

void EchoServer::AnswerLater() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !later_.empty(); });
    if (later_.empty()) return;
    const auto batch = std::exchange(later_, {});
    lock.unlock();
    for (const auto& [body, reply] : batch) reply.Send(Text(body));
    lock.lock();
  }
}

void EchoServer::Release() {
  std::deque<std::pair<std::string, Reply>> held;
  {
    const std::lock_guard lock{mutex_};
    held.swap(held_);
  }
  for (const auto& [body, reply] : held) reply.Send(Text(body));
}

std::size_t EchoServer::Held() const {
  const std::lock_guard lock{mutex_};
  return held_.size();
}

bool EchoServer::Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

}  // namespace membridge::test
