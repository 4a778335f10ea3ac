#include "receiver/http/path_pattern.hpp"

#include <algorithm>

namespace membridge::receiver::http {
namespace {

bool IsParameter(std::string_view segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}
bool TakesRest(std::string_view segment) {
  return IsParameter(segment) && segment.ends_with("...}");
}

/// Cuts the first segment off "/a/b": returns "a" and leaves "/b".
std::string_view TakeSegment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

/// Reduces several slashes at the front to one. A path of slashes only becomes empty.
void SkipSlashes(std::string_view& path) {
  const std::size_t slashes = std::min(path.find_first_not_of('/'), path.size());
  if (slashes == path.size()) {
    path = {};
  } else if (slashes > 1) {
    path.remove_prefix(slashes - 1);
  }
}

}  // namespace

PathPattern::PathPattern(std::string_view pattern, Slashes slashes) : slashes_(slashes) {
  while (pattern.starts_with('/')) segments_.emplace_back(TakeSegment(pattern));
}

std::optional<std::vector<std::string_view>> PathPattern::Match(std::string_view path) const {
  std::vector<std::string_view> parameters;
  const bool forgiving = slashes_ == Slashes::kForgiving;
  for (const std::string& expected : segments_) {
    if (forgiving && !TakesRest(expected)) SkipSlashes(path);
    if (!path.starts_with('/')) return std::nullopt;
    if (TakesRest(expected)) {
      parameters.push_back(path.substr(1));
      return parameters;
    }
    const std::string_view segment = TakeSegment(path);
    if (IsParameter(expected)) {
      if (segment.empty()) return std::nullopt;
      parameters.push_back(segment);
    } else if (segment != expected) {
      return std::nullopt;
    }
  }
  if (forgiving) SkipSlashes(path);
  return path.empty() ? std::optional{std::move(parameters)} : std::nullopt;
}

}  // namespace membridge::receiver::http
