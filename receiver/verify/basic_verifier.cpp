#include "receiver/verify/basic_verifier.hpp"

#include <utility>

#include "mappings/base/encoding.hpp"
#include "receiver/verify/signing.hpp"
#include "receiver/verify/token.hpp"

namespace membridge::receiver {
namespace {

class BasicVerifier final : public Verifier {
 public:
  explicit BasicVerifier(std::vector<std::string> hashes) : hashes_(std::move(hashes)) {}

  Result<Admission> Verify(const Attempt& attempt) const override {
    constexpr std::string_view kScheme = "Basic ";
    const std::string value = OnlyHeader(attempt.request, "Authorization").value_or("");
    if (!http::EqualsIgnoringCase(std::string_view{value}.substr(0, kScheme.size()), kScheme)) {
      return Fail(ErrorCode::kUnauthorized, "basic: header");
    }
    const auto login = DecodeBase64(std::string_view{value}.substr(kScheme.size()));
    // Compare hashes, because they all have one length. So the time does not reveal the length of a password.
    const std::string hash = HashToken(login.value_or(""));
    bool matches = false;
    for (const std::string& each : hashes_) matches = EqualsInConstantTime(each, hash) || matches;
    if (!login || !matches) return Fail(ErrorCode::kUnauthorized, "basic: login");
    return Admission{};
  }

 private:
  const std::vector<std::string> hashes_;  // of "user:password"
};

}  // namespace

Result<std::shared_ptr<const Verifier>> MakeBasicVerifier(const std::vector<BasicLogin>& logins) {
  if (logins.empty()) return Fail(ErrorCode::kRefused, "basic: there is no login");
  std::vector<std::string> hashes;
  for (const BasicLogin& login : logins) {
    if (login.user.find(':') != std::string::npos) return Fail(ErrorCode::kRefused, "basic: a user name holds a colon");
    if (login.password.empty()) return Fail(ErrorCode::kRefused, "basic: a password is empty");
    hashes.push_back(HashToken(login.user + ":" + login.password));
  }
  return std::make_shared<const BasicVerifier>(std::move(hashes));
}

}  // namespace membridge::receiver
