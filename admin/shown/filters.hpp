#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"

namespace membridge::admin {

/// Returns an option's value for a filter; nothing when the option was not given.
inline std::optional<std::string> Given(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>{text};
}
template <class Name>
std::optional<Name> GivenAs(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<Name>{Name{text}};
}

/// Returns the options that were given, by name.
nlohmann::json GivenByName(const std::map<std::string, std::string>& options);

/// Reads a time of the command line: RFC 3339, a day, or an age such as `2h` or `7d`. Returns nothing for any other text.
std::optional<Instant> ParseWhen(const std::string& text, Instant now);

}  // namespace membridge::admin
