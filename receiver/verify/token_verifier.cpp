#include "receiver/verify/token_verifier.hpp"

namespace membridge::receiver {

Result<Admission> TokenVerifier::Verify(const Attempt& attempt) const {
  const auto id = tokens_->Get()->Verify(attempt.project, attempt.url_token, attempt.now);
  if (!id) return Fail(ErrorCode::kUnauthorized, "token");
  return Admission{.token_id = *id};
}

}  // namespace membridge::receiver
