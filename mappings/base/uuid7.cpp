#include "mappings/base/uuid7.hpp"

#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace membridge::mappings {
namespace {

/// Returns random bits. They are fetched in blocks, because one call of the generator takes as long as making a hundred numbers.
std::uint64_t RandomBits() {
  thread_local std::array<std::uint64_t, 64> numbers{};
  thread_local std::size_t left = 0;
  if (left == 0) {
    if (RAND_bytes(reinterpret_cast<unsigned char*>(numbers.data()), sizeof numbers) != 1)
      throw std::runtime_error("no random bytes for an id");
    left = numbers.size();
  }
  return numbers[--left];
}

void AppendHex(std::string& text, std::uint64_t number, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += "0123456789abcdef"[number >> shift & 15];
}

}  // namespace

std::string Uuid7(Instant time) {
  const std::uint64_t random = RandomBits();
  const auto microseconds = static_cast<std::uint64_t>(time.time_since_epoch().count());
  const std::uint64_t milliseconds = (microseconds / 1000) & 0xffff'ffff'ffff;
  const std::uint64_t fraction = microseconds % 1000 * 4096 / 1000;  // RFC 9562 section 6.2, method 3
  const std::uint64_t variant_and_random = (random & 0x3fff'ffff'ffff'ffff) | 0x8000'0000'0000'0000;
  std::string text;
  text.reserve(36);
  AppendHex(text, milliseconds >> 16, 8);
  text += '-';
  AppendHex(text, milliseconds & 0xffff, 4);
  text += "-7";
  AppendHex(text, fraction, 3);
  text += '-';
  AppendHex(text, variant_and_random >> 48, 4);
  text += '-';
  AppendHex(text, variant_and_random & 0xffff'ffff'ffff, 12);
  return text;
}

}  // namespace membridge::mappings
