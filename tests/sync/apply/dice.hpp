#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

namespace membridge::test {

/// Seeded randomness for histories: the same seed asks and answers the same.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  /// A whole number from 0 to `bound` - 1.
  int Below(int bound) { return std::uniform_int_distribution{0, bound - 1}(random_); }
  bool OneIn(int n) { return Below(n) == 0; }

  template <class T>
  const T& Pick(const std::vector<T>& list) {
    return list[static_cast<std::size_t>(Below(static_cast<int>(list.size())))];
  }
  template <class T>
  void Shuffle(std::vector<T>& list) {
    std::shuffle(list.begin(), list.end(), random_);
  }

  /// MEMBRIDGE_TEST_SEED, or another one every time; print it.
  static std::uint64_t Seed() { return Seed(std::random_device{}()); }
  /// MEMBRIDGE_TEST_SEED, or `otherwise`.
  static std::uint64_t Seed(std::uint64_t otherwise) {
    const char* set = std::getenv("MEMBRIDGE_TEST_SEED");
    return set != nullptr ? std::strtoull(set, nullptr, 10) : otherwise;
  }
  /// The number the environment variable holds, or `otherwise`.
  static int Rounds(const char* variable, int otherwise) {
    const char* set = std::getenv(variable);
    return set != nullptr ? std::atoi(set) : otherwise;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace membridge::test
