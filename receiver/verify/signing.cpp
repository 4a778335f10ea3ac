#include "receiver/verify/signing.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

#include "mappings/base/digest.hpp"

namespace membridge::receiver {
namespace {

struct KeyCloser {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct DigestCloser {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const EVP_MD* DigestOf(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kSha1:
      return EVP_sha1();
    case HashAlgorithm::kSha256:
      return EVP_sha256();
    case HashAlgorithm::kSha512:
      return EVP_sha512();
  }
  return EVP_sha256();
}

}  // namespace

std::string Hmac(HashAlgorithm algorithm, std::string_view secret, std::string_view signed_bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  if (HMAC(DigestOf(algorithm), secret.data(), static_cast<int>(secret.size()), Bytes(signed_bytes), signed_bytes.size(),
           mac.data(), &size) == nullptr) {
    throw std::runtime_error("OpenSSL computed no HMAC");
  }
  return {reinterpret_cast<const char*>(mac.data()), size};
}

bool VerifyEd25519(std::string_view key, std::string_view signature, std::string_view signed_bytes) {
  const std::unique_ptr<EVP_PKEY, KeyCloser> public_key{
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(key), key.size())};
  const std::unique_ptr<EVP_MD_CTX, DigestCloser> context{EVP_MD_CTX_new()};
  if (!public_key || !context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) != 1)
    return false;
  return EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(signed_bytes), signed_bytes.size()) == 1;
}

bool EqualsInConstantTime(std::string_view left, std::string_view right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string ReplayKey(std::initializer_list<std::string_view> parts) {
  std::string bytes;
  for (const std::string_view part : parts) {
    bytes += std::to_string(part.size());
    bytes += ':';
    bytes += part;
  }
  return mappings::Sha256Hex(bytes);
}

std::optional<std::string> OnlyHeader(const http::Request& request, std::string_view name) {
  std::optional<std::string> only;
  for (const http::Header& header : request.headers) {
    if (!http::EqualsIgnoringCase(header.name, name)) continue;
    if (only) return std::nullopt;
    only = header.value;
  }
  return only;
}

std::optional<Instant> ReadUnixSeconds(std::string_view text) {
  constexpr std::size_t kMaxDigits = 11;
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text.empty() || text.size() > kMaxDigits || !digits || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::int64_t seconds = 0;
  for (const char c : text) seconds = seconds * 10 + (c - '0');
  return Instant{std::chrono::seconds{seconds}};
}

bool IsRecent(Instant then, Instant now, std::chrono::seconds tolerance) {
  const auto apart = std::chrono::floor<std::chrono::seconds>(now) - std::chrono::floor<std::chrono::seconds>(then);
  return apart <= tolerance && -apart <= tolerance;
}

}  // namespace membridge::receiver
