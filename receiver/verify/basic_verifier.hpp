#pragma once

#include <memory>
#include <string>
#include <vector>

#include "receiver/verify/verifier.hpp"

namespace membridge::receiver {

/// One user name and password that scheme `basic` accepts.
struct BasicLogin {
  std::string user;  ///< without colon
  std::string password;
};

/// Scheme `basic`: `Authorization: Basic …` with one of the logins, as UTF-8, in strict base64. kRefused: a login cannot work;
/// the message says why.
Result<std::shared_ptr<const Verifier>> MakeBasicVerifier(const std::vector<BasicLogin>& logins);

}  // namespace membridge::receiver
