#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/result.hpp"

namespace membridge::sync {

/// Signs messages as Standard Webhooks says: the bytes `id.timestamp.body`. Immutable; several threads may use it.
class Signer {
 public:
  /// `whsec_` and base64 of 24 to 64 bytes (the prefix may be missing) sign with HMAC-SHA256, as `v1`; `whsk_` and base64 of the
  /// 64 bytes of an Ed25519 key pair signs as `v1a`. kRefused names the secret by its place in the list, never its text.
  static Result<Signer> From(const std::vector<std::string>& secrets);

  /// Returns the header `webhook-signature`: one signature by each secret, so that a receiver may know any one of them.
  /// `timestamp`: seconds since 1970. Throws std::runtime_error when OpenSSL fails.
  std::string Sign(std::string_view id, std::string_view timestamp, std::string_view body) const;

 private:
  std::vector<std::string> symmetric_;
  std::vector<std::string> private_keys_;  // 32 bytes each
};

}  // namespace membridge::sync
