#pragma once

#include <cstddef>
#include <random>
#include <string>

namespace membridge::test {

/// Letters and digits that no compression makes shorter, so that PostgreSQL has to deal with all of them. The same length and
/// seed give the same.
inline std::string Noise(std::size_t bytes, unsigned seed = 1) {
  static constexpr char kLetters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
  std::mt19937_64 random{seed * 1'000'003U + bytes};
  std::string noise(bytes, ' ');
  for (char& letter : noise) letter = kLetters[random() % 64];
  return noise;
}

}  // namespace membridge::test
