#pragma once

#include <chrono>
#include <string>

namespace membridge::admin {

/// The result of a GET.
struct HttpLook {
  long status = 0;    ///< 0: there was no answer
  std::string body;   ///< at most 1 MiB of it
  std::string error;  ///< why there was no answer; without the address
};

/// Makes one GET without following redirects, without credentials, and without a proxy for loopback addresses. Blocks for at most
/// `patience`.
HttpLook LookAt(const std::string& url, std::chrono::milliseconds patience);

}  // namespace membridge::admin
