#include "receiver/http/server.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "receiver/http/io_worker.hpp"

namespace membridge::receiver::http {
namespace {

/// Descriptors reserved for everything that is not a client: databases, Mem0, files.
constexpr std::size_t kOtherDescriptors = 256;

/// Raises the limit of open files as far as needed and allowed, and returns how many connections it permits.
std::size_t AffordableConnections(std::size_t wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  const rlim_t needed = wanted + kOtherDescriptors;
  if (files.rlim_cur < needed) {
    rlimit raised = files;
    raised.rlim_cur = std::min<rlim_t>(needed, files.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) files = raised;
  }
  if (files.rlim_cur >= needed) return wanted;
  const auto limit = static_cast<std::size_t>(files.rlim_cur);
  return std::max<std::size_t>(1, limit > 2 * kOtherDescriptors ? limit - kOtherDescriptors : limit / 2);
}

Limits Affordable(Limits limits) {
  limits.threads = std::max<std::size_t>(1, limits.threads);
  limits.max_pipelined = std::max<std::size_t>(1, limits.max_pipelined);
  limits.max_connections = AffordableConnections(limits.max_connections);
  return limits;
}

}  // namespace

struct Server::Impl {
  Impl(const std::string& address, Limits limits, Hooks hooks)
      : shared(Affordable(limits), std::move(hooks)), listener(address, limits.backlog) {
    std::vector<IoWorker*> peers;
    for (std::size_t i = 0; i < shared.limits.threads; ++i) {
      peers.push_back(workers.emplace_back(std::make_unique<IoWorker>(shared)).get());
    }
    workers.front()->AcceptFrom(listener, peers);
  }

  Shared shared;
  Listener listener;
  std::vector<std::unique_ptr<IoWorker>> workers;
  bool started = false;
  bool stopped = false;
};

Server::Server(const std::string& address, Limits limits, Hooks hooks)
    : impl_(std::make_unique<Impl>(address, limits, std::move(hooks))) {}

Server::Server(const std::string& address, Limits limits, Handler handler)
    : Server(address, limits, Hooks{.handler = std::move(handler)}) {}

Server::~Server() {
  Stop(std::chrono::milliseconds{0});
}

std::uint16_t Server::port() const {
  return impl_->listener.port();
}

void Server::Start() {
  for (const auto& worker : impl_->workers) worker->Start();
  impl_->started = true;
}

void Server::Stop(std::chrono::milliseconds within) {
  if (std::exchange(impl_->stopped, true)) return;
  if (impl_->started) {
    for (const auto& worker : impl_->workers) worker->Drain();
    Shared& shared = impl_->shared;
    std::unique_lock lock{shared.mutex};
    shared.quiet.wait_for(lock, within, [&] { return !shared.listening && shared.connections == 0; });
  }
  // Stop the first worker first, because it accepts connections and deals them to the others.
  for (const auto& worker : impl_->workers) worker->Stop();
  impl_->listener.Close();
}

Statistics Server::Counted() const {
  const Shared& shared = impl_->shared;
  return {.connections = shared.connections,
          .accepted = shared.accepted,
          .shed = shared.shed,
          .address_full = shared.address_full,
          .requests = shared.requests,
          .timed_out = shared.timed_out,
          .malformed = shared.malformed,
          .too_large = shared.too_large,
          .header_too_large = shared.header_too_large,
          .no_room = shared.no_room,
          .too_slow = shared.too_slow};
}

std::vector<std::pair<const char*, std::uint64_t>> RefusalsOf(const Statistics& statistics) {
  return {{"malformed", statistics.malformed},
          {"too_large", statistics.too_large},
          {"header_too_large", statistics.header_too_large},
          {"no_room", statistics.no_room},
          {"too_slow", statistics.too_slow}};
}

}  // namespace membridge::receiver::http
