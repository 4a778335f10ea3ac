#include "tests/support/cutting_proxy.hpp"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace membridge::test {
namespace {

constexpr int kLookForStopMs = 20;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {
    if (descriptor < 0) throw std::runtime_error("no socket");
  }
  ~Socket() { close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) throw std::runtime_error("the socket's path is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Passes on what is there, up to what is left of the limit. False when this direction is over.
bool Pass(int from, int to, std::size_t limit, std::atomic<std::size_t>& passed) {
  std::array<char, 16384> bytes;
  const ssize_t got = recv(from, bytes.data(), std::min(bytes.size(), limit - passed), 0);
  if (got <= 0) return false;
  std::size_t sent = 0;
  while (sent < static_cast<std::size_t>(got)) {
    const ssize_t written = send(to, bytes.data() + sent, static_cast<std::size_t>(got) - sent, MSG_NOSIGNAL);
    if (written <= 0) return false;
    sent += static_cast<std::size_t>(written);
  }
  passed += sent;
  return passed < limit;
}

}  // namespace

CuttingProxy::CuttingProxy(std::filesystem::path server_socket) : server_socket_(std::move(server_socket)) {
  std::string pattern = "/tmp/cutting-proxy-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for the proxy");
  folder_ = pattern;
  listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = AddressOf(folder_ + "/.s.PGSQL.5432");
  if (bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || listen(listening_, 8) != 0) {
    throw std::runtime_error("the proxy cannot listen");
  }
  thread_ = std::jthread([this](std::stop_token stop) { Serve(stop); });
}

CuttingProxy::~CuttingProxy() {
  thread_.request_stop();
  thread_.join();
  close(listening_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void CuttingProxy::CutAfter(std::size_t to_server, std::size_t to_client) {
  to_server_limit_ = to_server;
  to_client_limit_ = to_client;
}

void CuttingProxy::Serve(std::stop_token stop) {
  while (!stop.stop_requested()) {
    pollfd waiting{.fd = listening_, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, kLookForStopMs) <= 0) continue;
    const int client = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) Relay(stop, client);
  }
}

void CuttingProxy::Relay(std::stop_token stop, int client_descriptor) {
  const Socket client{client_descriptor};
  const Socket server{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const sockaddr_un address = AddressOf(server_socket_.string());
  if (connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return;
  to_server_passed_ = 0;
  to_client_passed_ = 0;
  const std::size_t to_server = to_server_limit_, to_client = to_client_limit_;
  bool open = to_server > 0 && to_client > 0;
  while (open && !stop.stop_requested()) {
    std::array<pollfd, 2> ends{{{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}}};
    if (poll(ends.data(), ends.size(), kLookForStopMs) <= 0) continue;
    if (ends[0].revents != 0) open = Pass(client.get(), server.get(), to_server, to_server_passed_);
    if (open && ends[1].revents != 0) open = Pass(server.get(), client.get(), to_client, to_client_passed_);
  }
}

}  // namespace membridge::test
