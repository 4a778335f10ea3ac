#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace membridge::receiver::http {

struct Header {
  std::string name;   ///< as sent; names compare without regard to case
  std::string value;  ///< without the blanks around it
};

/// One request, complete: header read, body read, framing believed.
struct Request {
  std::string method;           ///< as sent: "POST"
  std::string target;           ///< the path as sent, percent-encoding and all, without query; of an absolute URL only its path
  std::string query;            ///< what followed '?', without it
  std::vector<Header> headers;  ///< in the order sent, trailers left out
  std::string body;             ///< raw bytes, at most Limits::max_body_bytes
  std::string peer_address;     ///< "192.0.2.7" or "2001:db8::7", without port

  /// The value of the first header of that name.
  std::optional<std::string> Find(std::string_view name) const;
};

/// What to answer. Content-Length, Connection and Date are the server's: headers of those names are dropped, as is a header whose
/// name or value holds a control character.
struct Response {
  int status = 200;
  std::string content_type = "application/json";  ///< empty: no Content-Type
  std::string body{};
  std::vector<Header> headers{};
};

/// `{"code","message","hint"}`, the body of every refusal.
Response Refusal(int status, std::string_view code, std::string_view message, std::string_view hint = {});

/// 503: more is being received at once than Limits allow. The client should try again.
Response TooMuchAtOnce();

/// ASCII, as header names and methods compare.
bool EqualsIgnoringCase(std::string_view left, std::string_view right);

}  // namespace membridge::receiver::http
