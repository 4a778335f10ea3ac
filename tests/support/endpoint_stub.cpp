#include "tests/support/endpoint_stub.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <stdexcept>

namespace membridge::test {
namespace {

constexpr int kPatienceMs = 5'000;

/// Whether the connection can be read within the patience.
bool Readable(int connection) {
  pollfd wanted{connection, POLLIN, 0};
  return poll(&wanted, 1, kPatienceMs) == 1;
}

std::optional<EndpointStub::Request> Read(int connection) {
  std::string text;
  std::size_t header_end = std::string::npos;
  std::size_t length = 0;
  EndpointStub::Request request;
  while (header_end == std::string::npos || text.size() < header_end + 4 + length) {
    char buffer[16'384];
    if (!Readable(connection)) return std::nullopt;
    const auto count = recv(connection, buffer, sizeof buffer, 0);
    if (count <= 0) return std::nullopt;
    text.append(buffer, static_cast<std::size_t>(count));
    if (header_end != std::string::npos || (header_end = text.find("\r\n\r\n")) == std::string::npos) continue;
    std::size_t line = text.find("\r\n");
    const std::string first = text.substr(0, line);
    request.path = first.substr(first.find(' ') + 1, first.rfind(' ') - first.find(' ') - 1);
    while (line < header_end) {
      const std::size_t begin = line + 2;
      line = text.find("\r\n", begin);
      const std::size_t colon = text.find(':', begin);
      std::string name = text.substr(begin, colon - begin);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      request.headers[name] = text.substr(std::min(colon + 2, line), line - std::min(colon + 2, line));
    }
    if (const auto given = request.headers.find("content-length"); given != request.headers.end())
      length = std::stoul(given->second);
  }
  request.body = text.substr(header_end + 4);
  return request;
}

}  // namespace

EndpointStub::EndpointStub(std::function<Reply(const Request&)> answer) : answer_(std::move(answer)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || bind(listener_, plain, size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, plain, &size) != 0)
    throw std::runtime_error("the endpoint cannot listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread{[this](const std::stop_token& stop) {
    while (!stop.stop_requested()) Serve();
  }};
}

EndpointStub::~EndpointStub() {
  thread_.request_stop();
  thread_.join();
  close(listener_);
}

std::string EndpointStub::Url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

std::vector<EndpointStub::Request> EndpointStub::Requests() const {
  const std::lock_guard lock{mutex_};
  return requests_;
}

void EndpointStub::Serve() {
  pollfd wanted{listener_, POLLIN, 0};
  if (poll(&wanted, 1, 50) != 1) return;
  const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection < 0) return;
  ServeOne(connection);
  close(connection);
}

void EndpointStub::ServeOne(int connection) {
  const auto request = Read(connection);
  if (!request) return;
  {
    const std::lock_guard lock{mutex_};
    requests_.push_back(*request);
  }
  const Reply reply = answer_ ? answer_(*request) : Reply{};
  if (reply.hang_up) return;
  const std::string text =
      "HTTP/1.1 " + std::to_string(reply.status) + " Said\r\n" + reply.headers + "Content-Length: 0\r\nConnection: close\r\n\r\n";
  send(connection, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace membridge::test
