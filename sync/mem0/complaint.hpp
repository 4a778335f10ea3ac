#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace membridge::sync::mem0 {

/// What Mem0 says in an error body. These bodies have no fixed shape, see ReadComplaint.
struct Complaint {
  std::string text;                           ///< one line, no control characters; empty when the body holds no message of Mem0's
  std::string key;                            ///< `detail`, `message` or `error`: the member that held `text`; else empty
  std::map<std::string, std::string> fields;  ///< `name` → "This field is required."; only where Mem0 names fields
  bool from_mem0 = false;                     ///< false: HTML or nothing, so a proxy answered
};

/// Reads an error body: `detail`, `message`, `error` (with `details.message`), `errors`, then an object keyed by field whose
/// values are texts, arrays or objects of texts, then an array of texts. A body that is not JSON gives no text, since an error
/// page may show anything.
Complaint ReadComplaint(std::string_view body);

/// `event_types: …; url: …`, as one line of at most kComplaintBytes.
std::string JoinFields(const std::map<std::string, std::string>& fields);

/// One line of at most `limit` bytes: control characters and runs of space become one space, broken UTF-8 becomes U+FFFD, and the
/// cut never splits a character.
std::string OneLine(std::string_view text, std::size_t limit);

inline constexpr std::size_t kComplaintBytes = 300;

}  // namespace membridge::sync::mem0
