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
      Result<Admission> passed = scheme->Verify(attempt);
      if (passed) {
        admission.Add(*passed);
      } else if (!refused) {
        refused = passed.error();
      }
    }
    if (refused) return tl::unexpected<Error>(std::move(*refused));
    return admission;
  }

  Result<Standing> VerifyHead(const Attempt& attempt) const override {
    Standing standing = Standing::kProven;
    std::optional<Error> refused;
    for (const auto& scheme : schemes_) {
      Result<Standing> asked = scheme->VerifyHead(attempt);
      if (!asked && !refused) refused = asked.error();
      if (asked && *asked == Standing::kOpen) standing = Standing::kOpen;
    }
    if (refused) return tl::unexpected<Error>(std::move(*refused));
    return standing;
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

  Result<Standing> VerifyHead(const Attempt& attempt) const override {
    std::optional<Standing> standing;
    for (const auto& scheme : schemes_) {
      const Result<Standing> asked = scheme->VerifyHead(attempt);
      if (asked && standing != Standing::kProven) standing = *asked;
    }
    if (!standing) return Fail(ErrorCode::kUnauthorized, "any: none of them");
    return *standing;
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

Result<Standing> Verifier::VerifyHead(const Attempt& attempt) const {
  const Result<Admission> passed = Verify(attempt);
  if (!passed) return tl::unexpected<Error>(passed.error());
  return Standing::kProven;
}

const Schemes* Verification::SchemesFor(const ProjectId& project) const {
  const auto found = projects_.find(project);
  const auto& schemes = found != projects_.end() ? found : projects_.begin();
  return schemes == projects_.end() || schemes->second.empty() ? nullptr : &schemes->second;
}

Result<Admission> Verification::Verify(const Attempt& attempt) const {
  const Schemes* const schemes = SchemesFor(attempt.project);
  if (schemes == nullptr) return Fail(ErrorCode::kUnauthorized, "unknown_project");
  Admission admission;
  for (const auto& verifier : *schemes) {
    Result<Admission> passed = verifier->Verify(attempt);
    if (!passed) return passed;
    admission.Add(*passed);
  }
  if (projects_.count(attempt.project) == 0) return Fail(ErrorCode::kUnauthorized, "unknown_project");
  return admission;
}

Result<Standing> Verification::VerifyHead(const Attempt& attempt) const {
  const Schemes* const schemes = SchemesFor(attempt.project);
  if (schemes == nullptr) return Fail(ErrorCode::kUnauthorized, "unknown_project");
  Standing standing = Standing::kProven;
  for (const auto& verifier : *schemes) {
    Result<Standing> asked = verifier->VerifyHead(attempt);
    if (!asked) return asked;
    if (*asked == Standing::kOpen) standing = Standing::kOpen;
  }
  if (standing == Standing::kProven && projects_.count(attempt.project) == 0)
    return Fail(ErrorCode::kUnauthorized, "unknown_project");
  return standing;
}

}  // namespace membridge::receiver
