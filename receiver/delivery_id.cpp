#include "receiver/delivery_id.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace membridge::receiver {

DeliveryId MakeDeliveryId(Instant received_at) {
  std::array<unsigned char, 8> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) throw std::runtime_error("no random bytes for an id");
  std::uint64_t random = 0;
  std::memcpy(&random, bytes.data(), sizeof random);
  const auto microseconds = static_cast<std::uint64_t>(received_at.time_since_epoch().count());
  const std::uint64_t milliseconds = (microseconds / 1000) & 0xffff'ffff'ffff;
  const std::uint64_t fraction = microseconds % 1000 * 4096 / 1000;  // RFC 9562 section 6.2, method 3
  const std::uint64_t variant_and_random = (random & 0x3fff'ffff'ffff'ffff) | 0x8000'0000'0000'0000;
  return DeliveryId{fmt::format("{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}", milliseconds >> 16, milliseconds & 0xffff, fraction,
                                variant_and_random >> 48, variant_and_random & 0xffff'ffff'ffff)};
}

}  // namespace membridge::receiver
