#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace membridge::receiver::http {

/// One header of a request or a response.
struct Header {
  std::string name;   ///< as sent; names compare without regard to case
  std::string value;  ///< without the blanks around it
};

/// One complete request with a valid framing.
struct Request {
  std::string method;           ///< as sent: "POST"
  std::string target;           ///< the path as sent (still percent-encoded), without query; only the path of an absolute URL
  std::string query;            ///< the text behind '?'
  std::vector<Header> headers;  ///< in the order sent, trailers left out
  std::string body;             ///< raw bytes, at most Limits::max_body_bytes
  std::string peer_address;     ///< "192.0.2.7" or "2001:db8::7", without port

  /// Returns the value of the first header of that name, ignoring case; nothing when there is none.
  std::optional<std::string> Find(std::string_view name) const;
};

/// The answer to a request. The server writes Content-Length, Connection and Date itself: headers of these names are dropped, and
/// so is a header whose name or value contains a control character.
struct Response {
  int status = 200;
  std::string content_type = "application/json";  ///< empty: no Content-Type
  std::string body{};
  std::vector<Header> headers{};
};

/// Makes a refusal. Its body is `{"code","message","hint"}`.
Response Refusal(int status, std::string_view code, std::string_view message, std::string_view hint = {});

/// Makes the 503 for when more is being received at once than Limits allow. The client should try again.
Response TooMuchAtOnce();

/// Compares two texts ignoring ASCII case, as for header names.
bool EqualsIgnoringCase(std::string_view left, std::string_view right);

}  // namespace membridge::receiver::http
