#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace membridge {

/// The fixed list of failures. Metrics and API bodies use it, so the meaning of a code never changes.
enum class ErrorCode {
  kUnauthorized,  ///< a credential is wrong or missing
  kBadDelivery,   ///< a request body has the wrong form or content
  kBadMapping,    ///< a mapping does not fit its target; someone must edit it
  kRowRejected,   ///< the target refused a row: the memory is parked
  kNotFound,      ///< the thing asked for does not exist
  kRefused,       ///< the other side refused and would refuse the same again (400, 409, 422)
  kUnavailable,   ///< try again later
  kBusy,          ///< another process of the deployment is doing it; try again in a moment
};

/// Returns the code's spelling in metrics and API bodies: `unauthorized`, `bad_delivery`, …
std::string_view NameOf(ErrorCode code);

/// Why something did not happen. Safe to log: never holds secrets, memory text or row values.
struct Error {
  ErrorCode code;
  std::string message;  ///< what happened, and to what
  std::string hint;     ///< what an operator can do; may be empty
};

/// A value or an Error; ignoring it is a compiler warning.
template <class T>
struct [[nodiscard]] Result : tl::expected<T, Error> {
  using tl::expected<T, Error>::expected;
};

/// Makes the failure of a Result: `return Fail(ErrorCode::kUnavailable, "…");`
inline tl::unexpected<Error> Fail(ErrorCode code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(hint)});
}

/// Returns the same error with `place` in front of its message: "mapping 'people': …".
inline tl::unexpected<Error> Within(Error error, std::string_view place) {
  error.message = std::string{place} + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace membridge
