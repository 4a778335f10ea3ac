#include "receiver/verify/token.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

#include "mappings/base/encoding.hpp"

namespace membridge::receiver {
namespace {

using Digest = std::array<unsigned char, 32>;

Digest Sha256(std::string_view text) {
  // Look it up once. Otherwise OpenSSL searches its providers for every digest, which takes longer than the digest itself.
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Digest digest{};
  if (kAlgorithm == nullptr || EVP_Digest(text.data(), text.size(), digest.data(), nullptr, kAlgorithm, nullptr) != 1)
    throw std::runtime_error("OpenSSL refuses a digest");
  return digest;
}

std::string_view BytesOf(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::optional<Digest> DigestOf(std::string_view hex) {
  const auto bytes = DecodeHex(hex);
  Digest digest{};
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

}  // namespace

std::string MakeToken() {
  Digest random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) throw std::runtime_error("no random bytes for a token");
  return EncodeBase64Url(BytesOf(random));
}

std::string HashToken(std::string_view token) {
  return EncodeHex(BytesOf(Sha256(token)));
}

TokenSet::TokenSet(const std::vector<StoredToken>& tokens) {
  for (const StoredToken& token : tokens) {
    const auto digest = DigestOf(token.hash);
    if (!digest) continue;
    entries_.push_back({token.id, Sha256(token.project.Text()), *digest, token.not_before, token.expires_at});
  }
}

std::optional<std::string> TokenSet::Verify(const ProjectId& project, std::string_view token, Instant now) const {
  const Digest wanted_project = Sha256(project.Text());
  const Digest wanted_token = Sha256(token);
  const Entry* match = nullptr;
  for (const Entry& entry : entries_) {
    const int differs = CRYPTO_memcmp(entry.project.data(), wanted_project.data(), wanted_project.size()) |
                        CRYPTO_memcmp(entry.token.data(), wanted_token.data(), wanted_token.size());
    const bool valid = (!entry.not_before || *entry.not_before <= now) && (!entry.expires_at || now < *entry.expires_at);
    if (differs == 0 && valid) match = &entry;
  }
  if (match == nullptr) return std::nullopt;
  return match->id;
}

}  // namespace membridge::receiver
