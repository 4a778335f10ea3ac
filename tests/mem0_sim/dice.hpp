#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace membridge::mem0_sim {

/// A UUID as sixteen bytes: a million memories are held in memory.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// The 36-character form, in either case; anything else is nothing.
  static std::optional<Uuid> Parse(std::string_view text);
  /// Lower case, with hyphens.
  std::string Text() const;
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

struct UuidHash {
  std::size_t operator()(const Uuid& uuid) const noexcept;
};

/// Seeded randomness: the same seed and the same order of questions give the same answers. For one thread.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  /// True in `share` of all throws; 0 never, 1 always.
  bool Chance(double share);
  /// A whole number from 0 to `limit` - 1; 0 when the limit is 0.
  std::uint64_t Below(std::uint64_t limit);
  /// A version 4 UUID.
  Uuid NewUuid();

  std::mt19937_64& Engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace membridge::mem0_sim
