#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace membridge::receiver::http {

/// How slashes count in a path.
enum class Slashes {
  kStrict,     ///< every one begins a segment, empty ones included
  kForgiving,  ///< several count as one, and one at the end as none: "//a///b/" is "/a/b"
};

/// Which paths are meant: literal but for whole segments. `{name}` takes one segment that is not empty, and `{name...}`, only at
/// the end, the rest, which may be empty and may hold slashes. Immutable.
class PathPattern {
 public:
  explicit PathPattern(std::string_view pattern, Slashes slashes = Slashes::kStrict);

  /// The still encoded values of the `{…}` segments, in order; nothing when the path does not fit. One pass whatever the path;
  /// `.` and `..` mean nothing. The views live as long as `path`.
  std::optional<std::vector<std::string_view>> Match(std::string_view path) const;

 private:
  std::vector<std::string> segments_;
  Slashes slashes_;
};

}  // namespace membridge::receiver::http
