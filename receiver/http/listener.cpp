#include "receiver/http/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

namespace membridge::receiver::http {
namespace {

struct AddressListCloser {
  void operator()(addrinfo* list) const noexcept { freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, AddressListCloser>;

[[noreturn]] void CannotListen(const std::string& address, const std::string& why) {
  throw std::runtime_error("cannot listen on " + address + ": " + why);
}

std::pair<std::string, std::string> SplitHostAndPort(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const bool bracketed = address.starts_with('[');
  if (colon == std::string::npos || (bracketed && address[colon - 1] != ']')) CannotListen(address, "write host:port");
  std::string host = bracketed ? address.substr(1, colon - 2) : address.substr(0, colon);
  if (!bracketed && host.find(':') != std::string::npos) CannotListen(address, "write an IPv6 address as [address]:port");
  const std::string port = address.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) > 65535) {
    CannotListen(address, "the port must be a number up to 65535");
  }
  return {std::move(host), port};
}

AddressList Resolve(const std::string& address) {
  const auto [host, port] = SplitHostAndPort(address);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int failed = getaddrinfo(host.empty() || host == "*" ? nullptr : host.c_str(), port.c_str(), &hints, &list);
  if (failed != 0) CannotListen(address, gai_strerror(failed));
  return AddressList{list};
}

std::string TextOf(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    // An IPv4 client of a socket for both families. Use its IPv4 form, so that a client has the same address everywhere.
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
  }
  return text.data();
}

std::uint16_t PortOf(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  in_port_t port = 0;  // at the same place in sockaddr_in and sockaddr_in6
  std::memcpy(&port, reinterpret_cast<const char*>(&bound) + offsetof(sockaddr_in, sin_port), sizeof port);
  return ntohs(port);
}

int OpenReserve() {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

Listener::Listener(const std::string& address, int backlog) {
  const AddressList list = Resolve(address);
  int error = 0;
  // ":8080" resolves to both families; one IPv6 socket serves both where there is IPv6.
  const addrinfo* first = list.get();
  for (const addrinfo* each = first; each != nullptr; each = each->ai_next) {
    if (SplitHostAndPort(address).first.empty() && each->ai_family == AF_INET6) first = each;
  }
  for (const addrinfo* each : {first, static_cast<const addrinfo*>(list.get())}) {
    fd_ = socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    const int off = 0;
    if (fd_ >= 0) setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd_ >= 0 && each->ai_family == AF_INET6) setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (fd_ >= 0 && bind(fd_, each->ai_addr, each->ai_addrlen) == 0 && listen(fd_, backlog) == 0) break;
    error = errno;
    Close();
  }
  if (fd_ < 0) CannotListen(address, std::strerror(error));
  port_ = PortOf(fd_);
  reserve_ = OpenReserve();
}

Listener::~Listener() {
  Close();
  if (reserve_ >= 0) close(reserve_);
}

void Listener::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Listener::Outcome Listener::Accept(Newcomer& newcomer) {
  while (true) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd = accept4(fd_, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      newcomer = {fd, TextOf(address), {}};
      return Outcome::kAccepted;
    }
    switch (errno) {
      case EAGAIN:
        return Outcome::kNobody;
      case EMFILE:
      case ENFILE:
        return TurnOneAway() ? Outcome::kTurnedAway : Outcome::kExhausted;
      case ENOBUFS:
      case ENOMEM:
        return Outcome::kExhausted;
      case EBADF:
      case EINVAL:
        return Outcome::kNobody;
      default:
        continue;  // that client is gone; try the next one
    }
  }
}

bool Listener::TurnOneAway() {
  if (reserve_ < 0) reserve_ = OpenReserve();
  if (reserve_ < 0) return false;
  close(reserve_);
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) close(fd);
  reserve_ = OpenReserve();
  return fd >= 0;
}

}  // namespace membridge::receiver::http
