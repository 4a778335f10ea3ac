#include "sync/feed/signer.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>

#include "mappings/base/encoding.hpp"

namespace membridge::sync {
namespace {

constexpr std::size_t kSmallest = 24;
constexpr std::size_t kLargest = 64;
constexpr std::size_t kSeed = 32;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct KeyCloser {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct ContextCloser {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyCloser>;

Key PrivateKey(std::string_view seed) {
  return Key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(seed), seed.size())};
}

/// The 32 bytes of the private key; nothing when the text is no key pair.
std::optional<std::string> SeedOf(std::string_view text) {
  const auto pair = DecodeBase64(text);
  if (!pair || pair->size() != 2 * kSeed) return std::nullopt;
  const Key key = PrivateKey(std::string_view{*pair}.substr(0, kSeed));
  std::array<unsigned char, kSeed> derived{};
  std::size_t size = derived.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), derived.data(), &size) != 1) return std::nullopt;
  const std::string_view public_half{reinterpret_cast<const char*>(derived.data()), size};
  if (public_half != std::string_view{*pair}.substr(kSeed)) return std::nullopt;
  return pair->substr(0, kSeed);
}

std::string HmacOf(std::string_view secret, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), Bytes(text), text.size(), code.data(), &size) == nullptr)
    throw std::runtime_error("OpenSSL could not sign");
  return std::string{reinterpret_cast<const char*>(code.data()), size};
}

std::string Ed25519Of(std::string_view seed, std::string_view text) {
  const Key key = PrivateKey(seed);
  const std::unique_ptr<EVP_MD_CTX, ContextCloser> context{EVP_MD_CTX_new()};
  std::array<unsigned char, 64> signature{};
  std::size_t size = signature.size();
  if (!key || !context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, Bytes(text), text.size()) != 1)
    throw std::runtime_error("OpenSSL could not sign");
  return std::string{reinterpret_cast<const char*>(signature.data()), size};
}

}  // namespace

Result<Signer> Signer::From(const std::vector<std::string>& secrets) {
  if (secrets.empty()) return Fail(ErrorCode::kRefused, "no secret is given", "write at least one: whsec_…, or whsk_…");
  Signer signer;
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    std::string_view text = secrets[i];
    const std::string place = fmt::format("secret {}", i + 1);
    if (text.starts_with("whpk_"))
      return Fail(ErrorCode::kRefused, place + " is a public key", "give its private half, whsk_…; receivers get the public one");
    if (text.starts_with("whsk_")) {
      auto seed = SeedOf(text.substr(5));
      if (!seed)
        return Fail(ErrorCode::kRefused, place + " is not an Ed25519 key pair",
                    "write whsk_ and base64 of its 64 bytes, private and public");
      signer.private_keys_.push_back(std::move(*seed));
      continue;
    }
    if (text.starts_with("whsec_")) text.remove_prefix(6);
    auto bytes = DecodeBase64(text);
    if (!bytes || bytes->size() < kSmallest || bytes->size() > kLargest)
      return Fail(ErrorCode::kRefused, place + " is not whsec_ and base64 of 24 to 64 bytes",
                  "make one: echo whsec_$(openssl rand -base64 32)");
    signer.symmetric_.push_back(std::move(*bytes));
  }
  return signer;
}

std::string Signer::Sign(std::string_view id, std::string_view timestamp, std::string_view body) const {
  const std::string text = fmt::format("{}.{}.{}", id, timestamp, body);
  std::string header;
  const auto add = [&](std::string_view version, const std::string& signature) {
    header += fmt::format("{}{},{}", header.empty() ? "" : " ", version, EncodeBase64(signature));
  };
  for (const std::string& secret : symmetric_) add("v1", HmacOf(secret, text));
  for (const std::string& key : private_keys_) add("v1a", Ed25519Of(key, text));
  return header;
}

}  // namespace membridge::sync
