#include "receiver/verify/verifier.hpp"

#include <utility>

namespace membridge::receiver {
namespace {

using Schemes = Verification::Schemes;

class AllOf final : public Verifier {
 public:
  explicit AllOf(Schemes schemes) : schemes_(std::move(schemes)) {}

  Result<Admission> Verify(const Attempt& attempt) const override {
    Admission admission;
    std::optional<Error> refused;
    for (const auto& scheme : schemes_) {
      const Result<Admission> passed = scheme->Verify(attempt);
      if (passed) {
        admission.Add(*passed);
      } else if (!refused) {
        refused = passed.error();
      }
    }
    if (refused) return tl::unexpected<Error>(std::move(*refused));
    return admission;
  }

 private:
  const Schemes schemes_;
};

class AnyOf final : public Verifier {
 public:
  explicit AnyOf(Schemes schemes) : schemes_(std::move(schemes)) {}

  Result<Admission> Verify(const Attempt& attempt) const override {
    std::optional<Admission> admission;
    for (const auto& scheme : schemes_) {
      Result<Admission> passed = scheme->Verify(attempt);
      if (!passed) continue;
      if (!admission) admission.emplace();
      admission->Add(*passed);
    }
    if (!admission) return Fail(ErrorCode::kUnauthorized, "any: none of them");
    return std::move(*admission);
  }

 private:
  const Schemes schemes_;
};

}  // namespace

void Admission::Add(const Admission& other) {
  if (token_id.empty()) token_id = other.token_id;
  if (!once) once = other.once;
}

Result<std::shared_ptr<const Verifier>> MakeAllOf(Schemes schemes) {
  if (schemes.empty()) return Fail(ErrorCode::kRefused, "all: there is no scheme");
  return std::make_shared<const AllOf>(std::move(schemes));
}

Result<std::shared_ptr<const Verifier>> MakeAnyOf(Schemes schemes) {
  if (schemes.empty()) return Fail(ErrorCode::kRefused, "any: there is no scheme");
  return std::make_shared<const AnyOf>(std::move(schemes));
}

Verification::Verification(std::map<ProjectId, Schemes> projects) : projects_(std::move(projects)) {}

Result<Admission> Verification::Verify(const Attempt& attempt) const {
  const auto found = projects_.find(attempt.project);
  const auto& schemes = found != projects_.end() ? found : projects_.begin();
  if (schemes == projects_.end() || schemes->second.empty()) return Fail(ErrorCode::kUnauthorized, "unknown_project");
  Admission admission;
  for (const auto& verifier : schemes->second) {
    const Result<Admission> passed = verifier->Verify(attempt);
    if (!passed) return passed;
    admission.Add(*passed);
  }
  if (found == projects_.end()) return Fail(ErrorCode::kUnauthorized, "unknown_project");
  return admission;
}

}  // namespace membridge::receiver
