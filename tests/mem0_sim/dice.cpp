#include "tests/mem0_sim/dice.hpp"

#include <cstring>

namespace membridge::mem0_sim {
namespace {

constexpr bool HyphenStandsAt(std::size_t place) {
  return place == 8 || place == 13 || place == 18 || place == 23;
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid uuid;
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (HyphenStandsAt(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int digit = DigitOf(text[i]);
    if (digit < 0) return std::nullopt;
    auto& byte = uuid.bytes[nibble / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | digit);
    ++nibble;
  }
  return uuid;
}

std::string Uuid::Text() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (HyphenStandsAt(i)) continue;
    const auto byte = bytes[nibble / 2];
    text[i] = kDigits[nibble % 2 == 0 ? byte >> 4 : byte & 15];
    ++nibble;
  }
  return text;
}

std::size_t UuidHash::operator()(const Uuid& uuid) const noexcept {
  std::size_t hash;
  std::memcpy(&hash, uuid.bytes.data(), sizeof hash);  // random already
  return hash;
}

bool Dice::Chance(double share) {
  if (share <= 0) return false;
  return std::uniform_real_distribution<double>{0, 1}(engine_) < share;
}

std::uint64_t Dice::Below(std::uint64_t limit) {
  if (limit < 2) return 0;
  return std::uniform_int_distribution<std::uint64_t>{0, limit - 1}(engine_);
}

Uuid Dice::NewUuid() {
  Uuid uuid;
  const std::uint64_t halves[2] = {engine_(), engine_()};
  std::memcpy(uuid.bytes.data(), halves, sizeof halves);
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

}  // namespace membridge::mem0_sim
