#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace membridge::mem0_sim {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// A request as it came off the wire.
struct Request {
  std::string method;
  std::string target;  ///< path and query, still percent-encoded
  Headers headers;     ///< names as the client wrote them
  std::string body;

  /// The first header of that name, whatever its case.
  std::optional<std::string> Header(std::string_view name) const;
};

struct Answer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  Headers headers;
  /// When set, the body is what this appends, call by call, until it returns false; sent in chunks.
  std::function<bool(std::string&)> more;
};

/// What happens to the answer on its way.
enum class Ending {
  kWhole,
  kReset,      ///< the connection is reset instead
  kTruncated,  ///< half of the body, then the end
  kNever,      ///< no answer; the connection stays open until the client leaves
};

struct Reply {
  Answer answer;
  Ending ending = Ending::kWhole;
  int delay_ms = 0;
};

/// One request on its way through the routes.
struct Call {
  const Request& request;
  std::vector<std::string> parts;  ///< what stood in the braces of the route, decoded
  Headers query;                   ///< decoded, in order
  nlohmann::json body;             ///< null when there was none

  /// The first query parameter of that name.
  std::optional<std::string> Query(std::string_view name) const;
  /// A member of the body, or null.
  const nlohmann::json& Field(const char* name) const;
  /// A member that is a non-empty string.
  std::optional<std::string> Text(const char* name) const;
  /// A member that is true; `absent` when it is not there.
  bool Flag(const char* name, bool absent = false) const;
};

Answer Ok(const nlohmann::json& body);
Answer WithStatus(int status, const nlohmann::json& body);

/// Undoes percent-encoding. `plus_is_space` is for queries.
std::string PercentDecoded(std::string_view text, bool plus_is_space);
std::string PercentEncoded(std::string_view text);
/// The path of a target, cut at every slash, decoded piece by piece, so that an encoded slash stays inside its piece.
std::vector<std::string> PathSegments(std::string_view target);
Headers QueryOf(std::string_view target);

}  // namespace membridge::mem0_sim
