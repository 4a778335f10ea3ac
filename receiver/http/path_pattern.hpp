#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace membridge::receiver::http {

/// How repeated and final slashes of a path are read.
enum class Slashes {
  kStrict,     ///< every slash begins a segment, which may be empty
  kForgiving,  ///< several count as one, and one at the end as none: "//a///b/" is "/a/b"
};

/// Matches paths. A pattern is literal except for whole segments: `{name}` matches one segment that is not empty; `{name...}`,
/// only at the end, matches the rest, which may be empty and may contain slashes. Immutable and thread-safe.
class PathPattern {
 public:
  explicit PathPattern(std::string_view pattern, Slashes slashes = Slashes::kStrict);

  /// Returns the values of the `{…}` segments in order, still percent-encoded; nothing when the path does not match. Takes linear
  /// time. `.` and `..` have no special meaning. The views live as long as `path`.
  std::optional<std::vector<std::string_view>> Match(std::string_view path) const;

 private:
  std::vector<std::string> segments_;
  Slashes slashes_;
};

}  // namespace membridge::receiver::http
