#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "admin/config/config.hpp"
#include "admin/runtime/periodic.hpp"

namespace membridge::admin {

/// The service manager that started this process (systemd, `Type=notify`), if there is one. It is notified by datagrams to the
/// socket that NOTIFY_SOCKET names. libsystemd is not used, because it would be one more library to ship for one call of
/// sendto(). Threads: any.
class ServiceManager {
 public:
  explicit ServiceManager(const Environment& environment);

  /// Reports that the bridge is ready. From now on the manager's watchdog is notified as long as `alive` returns true; without
  /// it, the manager kills the bridge and starts it again.
  void Ready(std::function<bool()> alive);
  /// Reports that the bridge is stopping. The manager then stops its watchdog and waits for its own stop time-out.
  void Stopping();

  bool IsThere() const { return !socket_.empty(); }
  /// Returns how long the watchdog waits for a notification; nothing when there is no watchdog.
  std::optional<std::chrono::microseconds> Patience() const { return patience_; }

 private:
  void Say(const std::string& state) const;

  std::string socket_;  // empty: nobody listens
  std::optional<std::chrono::microseconds> patience_;
  std::optional<Periodic> watchdog_;
};

}  // namespace membridge::admin
