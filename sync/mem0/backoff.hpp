#pragma once

#include <chrono>
#include <functional>

namespace membridge::sync::mem0 {

/// A random number in [0, 1). Empty means the machine's generator.
using Random = std::function<double()>;

/// Waits that grow with each failure, with "decorrelated jitter": each lies between the shortest wait and three times the one
/// before, so that several clients do not retry at the same time. For one thread.
class Backoff {
 public:
  /// The bounds of the waits.
  struct Limits {
    std::chrono::milliseconds shortest{200};
    std::chrono::milliseconds longest{60'000};
  };
  Backoff();
  explicit Backoff(Limits limits, Random random = {});

  /// How long to wait before the next try.
  std::chrono::milliseconds Next();
  /// Call after a success: the next failure starts from the shortest wait again.
  void Reset();

 private:
  Limits limits_;
  Random random_;
  std::chrono::milliseconds previous_;
};

}  // namespace membridge::sync::mem0
