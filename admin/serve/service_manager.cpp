#include "admin/serve/service_manager.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

#include "mappings/base/log.hpp"

namespace membridge::admin {
namespace {

std::optional<std::chrono::microseconds> PatienceIn(const Environment& environment) {
  const auto process = environment("WATCHDOG_PID");
  if (process && *process != std::to_string(getpid())) return std::nullopt;
  const auto text = environment("WATCHDOG_USEC");
  if (!text) return std::nullopt;
  std::int64_t count = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (failed != std::errc{} || end != text->data() + text->size() || count <= 0) return std::nullopt;
  return std::chrono::microseconds{count};
}

}  // namespace

ServiceManager::ServiceManager(const Environment& environment)
    : socket_(environment("NOTIFY_SOCKET").value_or("")), patience_(PatienceIn(environment)) {}

void ServiceManager::Ready(std::function<bool()> alive) {
  Say("READY=1");
  if (!IsThere() || !patience_) return;
  // Notify three times within the watchdog's time, so that one late check does no harm.
  const auto pause =
      std::max(std::chrono::milliseconds{1}, std::chrono::duration_cast<std::chrono::milliseconds>(*patience_ / 3));
  watchdog_.emplace("watchdog", [this, pause, alive = std::move(alive), was_alive = true](const std::stop_token&) mutable {
    const bool is_alive = alive();
    if (is_alive) Say("WATCHDOG=1");
    if (was_alive && !is_alive)
      Log(LogLevel::kError, "watchdog_not_fed", {{"reason", "the bridge does not answer its own /healthz"}});
    was_alive = is_alive;
    return pause;
  });
}

void ServiceManager::Stopping() {
  Say("STOPPING=1");
  watchdog_.reset();
}

void ServiceManager::Say(const std::string& state) const {
  sockaddr_un address{};
  // A name that begins with @ is an abstract socket; its first byte is replaced by zero.
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path || (socket_[0] != '/' && socket_[0] != '@')) return;
  address.sun_family = AF_UNIX;
  std::copy(socket_.begin(), socket_.end(), address.sun_path);
  if (socket_[0] == '@') address.sun_path[0] = '\0';
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  // The kernel queues few datagrams. Wait a short time for a busy manager; if it does not read, the message is lost.
  const timeval patience{2, 0};
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  [[maybe_unused]] const ssize_t sent =
      sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
  close(descriptor);
}

}  // namespace membridge::admin
