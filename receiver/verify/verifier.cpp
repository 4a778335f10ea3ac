#include "receiver/verify/verifier.hpp"

#include <utility>

namespace membridge::receiver {

Verification::Verification(std::map<ProjectId, Schemes> projects) : projects_(std::move(projects)) {}

Result<Admission> Verification::Verify(const Attempt& attempt) const {
  const auto found = projects_.find(attempt.project);
  const auto& schemes = found != projects_.end() ? found : projects_.begin();
  if (schemes == projects_.end() || schemes->second.empty()) return Fail(ErrorCode::kUnauthorized, "unknown_project");
  Admission admission;
  for (const auto& verifier : schemes->second) {
    const Result<Admission> passed = verifier->Verify(attempt);
    if (!passed) return passed;
    if (!passed->token_id.empty()) admission.token_id = passed->token_id;
  }
  if (found == projects_.end()) return Fail(ErrorCode::kUnauthorized, "unknown_project");
  return admission;
}

}  // namespace membridge::receiver
