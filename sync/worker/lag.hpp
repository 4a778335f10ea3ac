#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace membridge::sync {

/// Counts of memories by how long they took, in buckets. The last bucket holds those that took longer than the last bound.
struct LagCounts {
  /// Upper bounds in seconds: close together where people ask "is it a second?", wide apart where they ask "is it a minute?".
  static constexpr std::array<double, 22> kBounds{0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1,   1.5, 2,
                                                  3,    5,     7.5,  10,  20,  30,   60,  120,  300, 900, 3600};

  std::array<std::uint64_t, kBounds.size() + 1> counts{};
  double seconds = 0;  ///< the sum of all

  std::uint64_t Total() const;
  /// Returns the counts since `before`, which must be of the same process.
  LagCounts Since(const LagCounts& before) const;
  /// Returns the time in seconds within which this share (0 to 1) of the memories was done, interpolated between two bounds.
  /// Nothing when there are no memories.
  std::optional<double> Quantile(double share) const;
};

/// Counts how long memories took from the mark that a delivery made to committed rows. Thread-safe.
class LagHistogram {
 public:
  void Observe(std::chrono::microseconds lag);
  LagCounts Counts() const;

 private:
  std::array<std::atomic<std::uint64_t>, LagCounts::kBounds.size() + 1> counts_{};
  std::atomic<std::uint64_t> microseconds_{0};
};

}  // namespace membridge::sync
