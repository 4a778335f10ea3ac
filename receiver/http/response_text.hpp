#pragma once

#include <string>
#include <string_view>

#include "receiver/http/message.hpp"

namespace membridge::receiver::http {

/// How a response is written for one client.
struct Framing {
  bool keep_alive = true;     ///< false: writes `Connection: close`
  bool http_1_0 = false;      ///< the client uses HTTP/1.0, so an open connection must be announced
  bool without_body = false;  ///< for HEAD: writes the length, but not the body
  std::string_view date;      ///< as CurrentDate() gives it
};

/// Returns the bytes of a response, always with Content-Length (except for 204 and 304, which have no body).
std::string FormatResponse(const Response& response, const Framing& framing);

/// Returns the current time as HTTP writes it: "Sun, 01 Mar 2026 09:12:44 GMT". Valid until the next call on the same thread.
std::string_view CurrentDate();

inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace membridge::receiver::http
