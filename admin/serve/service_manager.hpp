#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "admin/config/config.hpp"
#include "admin/runtime/periodic.hpp"

namespace membridge::admin {

/// The service manager that started this process (systemd, `Type=notify`), if there is one. It is told by datagrams to the socket
/// that NOTIFY_SOCKET names. These are own lines because libsystemd would be one more library to ship, for one call of sendto().
/// Threads: any.
class ServiceManager {
 public:
  explicit ServiceManager(const Environment& environment);

  /// The bridge takes its work. From here on, as often as the manager's watchdog wants, it hears whether `alive` says true;
  /// a bridge that is not alive is killed and started again.
  void Ready(std::function<bool()> alive);
  /// The bridge is on its way down: the manager stops its watchdog, and waits as long as its own time for stopping.
  void Stopping();

  bool IsThere() const { return !socket_.empty(); }
  /// How long the watchdog waits; nothing: it does not.
  std::optional<std::chrono::microseconds> Patience() const { return patience_; }

 private:
  void Say(const std::string& state) const;

  std::string socket_;  // empty: nobody listens
  std::optional<std::chrono::microseconds> patience_;
  std::optional<Periodic> watchdog_;
};

}  // namespace membridge::admin
