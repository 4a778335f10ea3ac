#include "admin/shown/filters.hpp"

#include "admin/config/values.hpp"

namespace membridge::admin {

nlohmann::json GivenByName(const std::map<std::string, std::string>& options) {
  nlohmann::json given = nlohmann::json::object();
  for (const auto& [name, text] : options) {
    if (!text.empty()) given[name] = text;
  }
  return given;
}

std::optional<Instant> ParseWhen(const std::string& text, Instant now) {
  if (const auto age = ParseDuration(text)) return now - *age;
  if (const auto day = ParseDay(text)) return Instant{*day};
  return ParseRfc3339(text);
}

}  // namespace membridge::admin
