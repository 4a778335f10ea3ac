#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"

namespace membridge::admin {

/// An option that was given, as the filter wants it; nothing when it was not.
inline std::optional<std::string> Given(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>{text};
}
template <class Name>
std::optional<Name> GivenAs(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<Name>{Name{text}};
}

/// The options that were given, by name.
nlohmann::json GivenByName(const std::map<std::string, std::string>& options);

/// A time as the command line takes it: RFC 3339, a day, or an age such as `2h` or `7d`. Nothing for anything else.
std::optional<Instant> ParseWhen(const std::string& text, Instant now);

}  // namespace membridge::admin
