#pragma once

#include <memory>

#include "receiver/verify/snapshot.hpp"
#include "receiver/verify/token.hpp"
#include "receiver/verify/verifier.hpp"

namespace membridge::receiver {

/// Scheme `token`: the URL must contain one of the project's tokens.
class TokenVerifier final : public Verifier {
 public:
  explicit TokenVerifier(std::shared_ptr<const Snapshot<TokenSet>> tokens) : tokens_(std::move(tokens)) {}
  Result<Admission> Verify(const Attempt& attempt) const override;

 private:
  std::shared_ptr<const Snapshot<TokenSet>> tokens_;
};

/// Scheme `none`: accepts every request. Deliveries are still only hints; memories are read from Mem0.
class NoVerifier final : public Verifier {
 public:
  Result<Admission> Verify(const Attempt&) const override { return Admission{}; }
};

}  // namespace membridge::receiver
