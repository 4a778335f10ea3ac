#pragma once

#include <string>
#include <string_view>

#include "receiver/http/message.hpp"

namespace membridge::receiver::http {

/// How a response goes out.
struct Framing {
  bool keep_alive = true;     ///< says `Connection: close` when not
  bool http_1_0 = false;      ///< then staying open has to be said
  bool without_body = false;  ///< HEAD: the length, but not the body
  std::string_view date;      ///< as FormatDate gives it
};

/// The bytes of a response, always with Content-Length (except 204 and 304, which have no body).
std::string FormatResponse(const Response& response, const Framing& framing);

/// The present as HTTP spells it, "Sun, 01 Mar 2026 09:12:44 GMT". Valid until the next call on the same thread.
std::string_view CurrentDate();

inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace membridge::receiver::http
