#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

namespace membridge::admin {

/// Returns a text about an exception that may be logged. Quotes only exceptions whose text never contains row values or secrets.
std::string SafeNameOf(const std::exception& failure);

/// A thread that repeats one piece of work.
class Periodic {
 public:
  /// Does the work once and returns the pause before the next time.
  using Work = std::function<std::chrono::milliseconds(const std::stop_token& stop)>;

  /// Starts at once. After an exception the work is tried again, with pauses that grow to a minute. The exception is logged with
  /// `name` as `periodic_failed`, once per streak.
  Periodic(std::string name, Work work);
  ~Periodic();  ///< stops and waits

  void RequestStop() { thread_.request_stop(); }

 private:
  std::jthread thread_;
};

}  // namespace membridge::admin
