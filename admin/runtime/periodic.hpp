#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

namespace membridge::admin {

/// What may be logged of an exception: only those whose text is known to hold no row values and no secrets are quoted.
std::string SafeNameOf(const std::exception& failure);

/// A thread that does one thing again and again.
class Periodic {
 public:
  /// Returns how long to pause before the next time.
  using Work = std::function<std::chrono::milliseconds(const std::stop_token& stop)>;

  /// Starts at once. `name` is for the log: an exception is logged as `periodic_failed`, once per streak, and tried again after
  /// pauses that grow to a minute.
  Periodic(std::string name, Work work);
  ~Periodic();  ///< stops and waits

  void RequestStop() { thread_.request_stop(); }

 private:
  std::jthread thread_;
};

}  // namespace membridge::admin
