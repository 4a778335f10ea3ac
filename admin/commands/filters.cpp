#include "admin/commands/filters.hpp"

#include "admin/config_values.hpp"

namespace membridge::admin {

std::optional<Instant> ParseWhen(const std::string& text, Instant now) {
  if (const auto age = ParseDuration(text)) return now - *age;
  if (const auto day = ParseDay(text)) return Instant{*day};
  return ParseRfc3339(text);
}

}  // namespace membridge::admin
