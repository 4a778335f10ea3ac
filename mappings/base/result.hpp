#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace membridge {

/// The fixed list of outcomes that are not success. It labels metrics and fills API bodies, so meanings never change.
enum class ErrorCode {
  kUnauthorized,  ///< a credential is wrong or missing
  kBadDelivery,   ///< a request body that is not what it must be
  kBadMapping,    ///< a mapping that does not fit its target; someone must edit it
  kRowRejected,   ///< the target refused a row: the memory is parked
  kNotFound,      ///< what was asked for does not exist
  kRefused,       ///< the other side said no and will say no again (400, 409, 422)
  kUnavailable,   ///< try again later
  kBusy,          ///< another process of the deployment is at it: try again in a moment
};

/// `unauthorized`, `bad_delivery`, … as metrics and API bodies spell it.
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

/// The failure half of a Result: `return Fail(ErrorCode::kUnavailable, "…");`
inline tl::unexpected<Error> Fail(ErrorCode code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(hint)});
}

/// The same error, with the place it passed through put in front: "mapping 'people': …".
inline tl::unexpected<Error> Within(Error error, std::string_view place) {
  error.message = std::string{place} + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace membridge
