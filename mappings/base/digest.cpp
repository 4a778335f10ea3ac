#include "mappings/base/digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <stdexcept>

#include "mappings/base/encoding.hpp"

namespace membridge::mappings {
namespace {

/// Looks an algorithm up; callers keep the result for the whole process. Otherwise OpenSSL searches its providers for every
/// digest, which takes longer than the digest itself.
const EVP_MD* Fetched(const char* name) {
  const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, name, nullptr);
  if (algorithm == nullptr) throw std::runtime_error("OpenSSL lacks a digest");
  return algorithm;
}

std::string Hashed(const EVP_MD* algorithm, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, algorithm, nullptr) != 1) {
    throw std::runtime_error("OpenSSL refuses a digest");
  }
  return {digest.begin(), digest.begin() + size};
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> UuidBytes(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size();) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i++] != '-') return std::nullopt;
      continue;
    }
    const int high = HexDigit(text[i]);
    const int low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return bytes;
}

}  // namespace

std::string Sha256Hex(std::string_view bytes) {
  static const EVP_MD* const kAlgorithm = Fetched("SHA256");
  return EncodeHex(Hashed(kAlgorithm, bytes));
}

bool IsUuid(std::string_view text) {
  return UuidBytes(text).has_value();
}

std::optional<std::string> Uuid5(std::string_view name_space, std::string_view name) {
  auto bytes = UuidBytes(name_space);
  if (!bytes) return std::nullopt;
  static const EVP_MD* const kAlgorithm = Fetched("SHA1");
  std::string digest = Hashed(kAlgorithm, bytes->append(name)).substr(0, 16);
  digest[6] = static_cast<char>((static_cast<unsigned char>(digest[6]) & 0x0FU) | 0x50U);  // version 5
  digest[8] = static_cast<char>((static_cast<unsigned char>(digest[8]) & 0x3FU) | 0x80U);  // RFC 4122 variant
  std::string text;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text += EncodeHex({&digest[i], 1});
  }
  return text;
}

}  // namespace membridge::mappings
